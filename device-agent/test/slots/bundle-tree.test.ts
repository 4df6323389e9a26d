import { mkdtempSync, readFileSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { extractBundle } from '../../src/slots/bundle-extraction.ts';
import { checkTree, type BundleTree } from '../../src/slots/bundle-tree.ts';
import { tarOf } from '../../src/testing/test-bundle.ts';

const FILE_BYTES = 1000;
const everything = { budgetBytes: 1e9, startAt: 0 };

let folder: string;
let tree: BundleTree;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'flotilla-tree-'));
  const tar = join(folder, '..', `${folder.split('/').at(-1)}.tar`);
  const file = (name: string) => ({ name, content: Buffer.alloc(FILE_BYTES, name) });
  const entries = [
    file('a'),
    file('b'),
    file('sub/c'),
    { name: 'hard', type: 'link' as const, linkname: 'b' },
    { name: 'soft', type: 'symlink' as const, linkname: 'sub/c' },
  ];
  writeFileSync(tar, await tarOf(entries));
  tree = await extractBundle(tar, folder);
  unlinkSync(tar);
});
afterEach(() => rmSync(folder, { recursive: true }));

function flip(name: string): void {
  const bytes = readFileSync(join(folder, name));
  bytes[FILE_BYTES / 2] = 0;
  writeFileSync(join(folder, name), bytes);
}

describe('what a bundle was unpacked to', () => {
  it('names its files, also under their second names, and its links', async () => {
    expect(tree.files.map(({ path }) => path)).toEqual(['a', 'b', 'sub/c', 'hard']);
    expect(tree.links).toEqual([{ path: 'soft', target: 'sub/c' }]);
    await checkTree(folder, tree, everything);
  });

  it('says nothing about what the firmware put beside it', async () => {
    writeFileSync(join(folder, 'own'), 'x');
    await checkTree(folder, tree, everything);
  });

  it.each(['a', 'sub/c', 'hard'])('is missed when one byte of %s is another', async (name) => {
    flip(name);
    await expect(checkTree(folder, tree, everything)).rejects.toThrow('has other bytes');
  });

  it('is missed when a link points elsewhere', async () => {
    unlinkSync(join(folder, 'soft'));
    symlinkSync('a', join(folder, 'soft'));
    await expect(checkTree(folder, tree, everything)).rejects.toThrow('soft points to a');
  });

  it('is missed when a file became a link to the same bytes', async () => {
    unlinkSync(join(folder, 'a'));
    symlinkSync('b', join(folder, 'a'));
    await expect(checkTree(folder, tree, everything)).rejects.toThrow('a is no file');
  });
});

describe('a budget', () => {
  it('bounds what is read, and from another start reaches the others', async () => {
    flip('sub/c');
    const budgetBytes = 2 * FILE_BYTES;
    await checkTree(folder, tree, { budgetBytes, startAt: 0 });
    await expect(checkTree(folder, tree, { budgetBytes, startAt: 0.5 })).rejects.toThrow('sub/c');
  });

  it('lets no missing file pass, however small it is', async () => {
    unlinkSync(join(folder, 'sub/c'));
    const check = checkTree(folder, tree, { budgetBytes: 0, startAt: 0 });
    await expect(check).rejects.toThrow('sub/c cannot be read');
  });
});
