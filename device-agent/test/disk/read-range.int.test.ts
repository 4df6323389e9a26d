import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { digestFile } from '../../src/disk/file-digest.ts';
import { readRange } from '../../src/disk/read-range.ts';
import { artifactOf } from '../../src/testing/power-cut/simulated-machine.ts';

const CONTENT = randomBytes(600_123);

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'flotilla-range-'));
  path = join(folder, 'content');
  writeFileSync(path, CONTENT);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function read(first: number, length: number, of = path): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of readRange(of, first, length)) {
    expect(chunk.length).toBeLessThanOrEqual(256 * 1024);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

it('gives any range of a file, aligned or not, and no more than there is', async () => {
  const range = fc.tuple(fc.nat(CONTENT.length + 5_000), fc.nat(CONTENT.length));
  await fc.assert(
    fc.asyncProperty(range, async ([first, length]) => {
      const expected = CONTENT.subarray(first, first + length);
      expect((await read(first, length)).equals(expected)).toBe(true);
    }),
    { numRuns: 60 },
  );
});

it.each([0, 1, 4095, 4096, 4097, 262_144, 262_145])('reads a file of %i bytes', async (size) => {
  writeFileSync(path, CONTENT.subarray(0, size));
  expect((await read(0, Infinity)).equals(CONTENT.subarray(0, size))).toBe(true);
  const { sha256, sizeBytes } = artifactOf('1.0.0', CONTENT.subarray(0, size));
  expect(await digestFile(path)).toEqual({ sha256, sizeBytes });
});

it('sees what was just written and is not yet on the disk', async () => {
  const changed = Buffer.from(CONTENT);
  changed.fill(7, 300_000, 400_000);
  writeFileSync(path, changed);
  expect((await read(0, Infinity)).equals(changed)).toBe(true);
});

it('goes through the page cache where there is nothing else, and says so', async () => {
  const said: unknown[] = [];
  const chunks: Buffer[] = [];
  // A file of procfs has no direct reads.
  for await (const chunk of readRange('/proc/self/status', 0, 4096, {
    debug: (...words: unknown[]) => said.push(words),
  })) {
    chunks.push(chunk);
  }
  expect(Buffer.concat(chunks).toString()).toContain('VmHWM');
  expect(said).toHaveLength(1);
});
