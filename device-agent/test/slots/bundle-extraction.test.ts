import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BundleError } from '../../src/slots/bundle-error.ts';
import { DEFAULT_LIMITS, extractBundle, readBundle } from '../../src/slots/bundle-extraction.ts';
import { bundleEntries, tarOf, type TarEntry } from '../../src/testing/test-bundle.ts';

let folder: string;
let tree: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'flotilla-tar-'));
  tree = join(folder, 'slot', 'tree');
  mkdirSync(tree, { recursive: true });
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function unpack(bytes: Buffer, limits = DEFAULT_LIMITS): Promise<void> {
  const tar = join(folder, 'artifact.tar');
  writeFileSync(tar, bytes);
  await extractBundle(tar, tree, limits);
}

describe('unpacking a bundle', () => {
  it('writes files, folders, links inside, and only the executable bit of a mode', async () => {
    const entries: TarEntry[] = [
      { name: './bin', type: 'directory' },
      { name: 'bin/run', content: 'run', mode: 0o4755 },
      { name: 'lib/plain', content: 'plain', mode: 0o666 },
      { name: 'current', type: 'symlink', linkname: 'lib/plain' },
      { name: 'lib/up', type: 'symlink', linkname: '../bin/run' },
      { name: 'hard', type: 'link', linkname: 'bin/run' },
    ];
    await unpack(await tarOf(entries));
    expect(statSync(join(tree, 'bin/run')).mode & 0o7777).toBe(0o755);
    expect(statSync(join(tree, 'lib/plain')).mode & 0o7777).toBe(0o644);
    expect(readFileSync(join(tree, 'current'), 'utf8')).toBe('plain');
    expect(readFileSync(join(tree, 'lib/up'), 'utf8')).toBe('run');
    expect(lstatSync(join(tree, 'hard')).isFile()).toBe(true);
  });

  it.each<[string, TarEntry[]]>([
    ['an absolute path', [{ name: '/etc/evil', content: 'x' }]],
    ['a way up', [{ name: '../evil', content: 'x' }]],
    ['a way up in the middle', [{ name: 'a/../../../evil', content: 'x' }]],
    ['an absolute link', [{ name: 'l', type: 'symlink', linkname: '/etc/passwd' }]],
    ['a link out', [{ name: 'l', type: 'symlink', linkname: '../../evil' }]],
    ['a link to nothing', [{ name: 'l', type: 'symlink', linkname: 'missing' }]],
    [
      'a link out by way of another link',
      [
        { name: 'd/e', type: 'directory' },
        { name: 'd/up', type: 'symlink', linkname: '..' },
        { name: 'out', type: 'symlink', linkname: 'd/up/../..' },
      ],
    ],
    [
      'a file written through a link',
      [
        { name: 'l', type: 'symlink', linkname: '../..' },
        { name: 'l/evil', content: 'x' },
      ],
    ],
    ['a hard link out', [{ name: 'h', type: 'link', linkname: '../../evil' }]],
    ['a hard link to nothing', [{ name: 'h', type: 'link', linkname: 'missing' }]],
    ['a character device', [{ name: 'null', type: 'character-device' }]],
    ['a block device', [{ name: 'disk', type: 'block-device' }]],
    ['a pipe', [{ name: 'pipe', type: 'fifo' }]],
    [
      'a name twice',
      [
        { name: 'a', content: '1' },
        { name: './a', content: '2' },
      ],
    ],
    [
      'a file below a file',
      [
        { name: 'a', content: '1' },
        { name: 'a/b', content: '2' },
      ],
    ],
  ])('refuses %s', async (_name, entries) => {
    writeFileSync(join(folder, 'evil'), 'untouched');
    await expect(unpack(await tarOf(entries))).rejects.toThrow(BundleError);
    expect(readFileSync(join(folder, 'evil'), 'utf8')).toBe('untouched');
    expect(existsSync(join(folder, 'slot', 'evil'))).toBe(false);
  });

  it.each<[string, TarEntry[]]>([
    [
      'behind a link out',
      [
        { name: 'x', type: 'symlink', linkname: '..' },
        { name: 'x/evil/y', type: 'symlink', linkname: 'z' },
      ],
    ],
    [
      'behind a link that comes after it',
      [
        { name: 'x/evil/y', type: 'symlink', linkname: 'z' },
        { name: 'x', type: 'symlink', linkname: '..' },
      ],
    ],
    [
      'behind a link whose name ends with a slash',
      [
        { name: 'x/', type: 'symlink', linkname: '..' },
        { name: './x/evil/y', type: 'symlink', linkname: 'z' },
      ],
    ],
    [
      'behind a link inside',
      [
        { name: 'd', type: 'directory' },
        { name: 'x', type: 'symlink', linkname: 'd' },
        { name: 'x/evil/y', type: 'symlink', linkname: 'z' },
      ],
    ],
  ])('makes no folder for a link that lies %s', async (_name, entries) => {
    await expect(unpack(await tarOf(entries))).rejects.toThrow(BundleError);
    expect(readdirSync(join(folder, 'slot'))).toEqual(['tree']);
    expect(readdirSync(tree).filter((name) => name !== 'd')).toEqual([]);
  });

  it('refuses an archive cut off inside a file, and one that is no archive', async () => {
    const whole = await tarOf(bundleEntries('1.0.0'));
    await expect(unpack(whole.subarray(0, 40_000))).rejects.toThrow(BundleError);
    rmSync(tree, { recursive: true });
    mkdirSync(tree);
    await expect(unpack(Buffer.alloc(5000, 'not a tar'))).rejects.toThrow(BundleError);
  });

  it.each([
    ['too many entries', { ...DEFAULT_LIMITS, maxEntries: 2 }],
    ['a file too large', { ...DEFAULT_LIMITS, maxFileBytes: 1000 }],
    ['too much together', { ...DEFAULT_LIMITS, maxTotalBytes: 60_000 }],
  ])('refuses %s', async (_name, limits) => {
    await expect(unpack(await tarOf(bundleEntries('1.0.0')), limits)).rejects.toThrow(BundleError);
  });
});

describe('the description of a bundle', () => {
  it.each([
    ['missing', []],
    ['not JSON', [{ name: 'bundle.json', content: '{' }]],
    [
      'without a command',
      [
        {
          name: 'bundle.json',
          content: '{"schemaVersion":1,"version":"1.0.0","command":[],"healthPath":"/"}',
        },
      ],
    ],
  ])('is refused when it is %s', async (_name, entries) => {
    await unpack(await tarOf(entries));
    await expect(readBundle(tree)).rejects.toThrow(BundleError);
  });

  it('is read otherwise', async () => {
    await unpack(await tarOf(bundleEntries('1.0.0')));
    expect(await readBundle(tree)).toMatchObject({ version: '1.0.0', healthPath: '/healthz' });
  });
});
