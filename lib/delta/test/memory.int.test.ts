import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createDelta, openFileBase } from '../src/index.ts';

const MIB = 1024 ** 2;
const IMAGE_BYTES = 160 * MIB;

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flotilla-delta-'));
});
afterEach(() => rm(folder, { recursive: true }));

it('applies in memory that does not grow with the images', async () => {
  const image = Buffer.alloc(IMAGE_BYTES);
  for (let i = 0; i < image.length; i += 64)
    createHash('md5').update(`${i}`).digest().copy(image, i);
  await writeFile(join(folder, 'base'), image);
  await writeFile(join(folder, 'patch'), createDelta(image, image));
  const { stdout } = await promisify(execFile)(process.execPath, [
    join(import.meta.dirname, 'apply-child.ts'),
    join(folder, 'base'),
    join(folder, 'patch'),
  ]);
  const { growthBytes, written } = JSON.parse(stdout) as { growthBytes: number; written: number };
  expect(written).toBe(IMAGE_BYTES);
  // Holding either image would take 160 MiB.
  expect(growthBytes).toBeLessThan(64 * MIB);
});

it('reads a file at any place, and only its own bytes', async () => {
  const path = join(folder, 'file');
  await writeFile(path, Buffer.from('0123456789'));
  const base = await openFileBase(path);
  expect(base.sizeBytes).toBe(10);
  expect(Buffer.from(await base.read(3, 4)).toString()).toBe('3456');
  expect(Buffer.from(await base.read(8, 4)).toString()).toBe('89');
  await base.close();
  await expect(openFileBase(join(folder, 'none'))).rejects.toMatchObject({ code: 'ENOENT' });
});
