import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { zstdDecompressSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { StagedArtifact } from '../../src/firmware/artifact-store.ts';
import { FRAME_CONTENT_BYTES, stageCompressed } from '../../src/firmware/compress-artifact.ts';
import { FolderArtifactStore } from '../../src/firmware/folder-artifact-store.ts';

let root: string;
let store: FolderArtifactStore;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'flotilla-compress-'));
  store = await FolderArtifactStore.open(join(root, 'artifacts'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

async function staged(bytes: Buffer): Promise<StagedArtifact> {
  const file = join(root, 'artifact');
  await writeFile(file, bytes);
  return { file, sha256: '', sizeBytes: bytes.length };
}
async function compressed(bytes: Buffer): Promise<Buffer | null> {
  const form = await stageCompressed(store, await staged(bytes));
  if (form === null) return null;
  await store.publish(form);
  return buffer(store.open(form.sha256, 0, form.sizeBytes - 1));
}

/** Reads a file by its seek table alone, as somebody would who starts in the middle. */
function framesOf(file: Buffer): Buffer[] {
  expect(file.readUInt32LE(file.length - 4)).toBe(0x8f92eab1);
  const count = file.readUInt32LE(file.length - 9);
  const table = file.length - 9 - count * 8;
  expect(file.readUInt32LE(table - 8)).toBe(0x184d2a5e);
  expect(file.readUInt32LE(table - 4)).toBe(count * 8 + 9);
  let at = 0;
  const frames = Array.from({ length: count }, (_, i) => {
    const size = file.readUInt32LE(table + i * 8);
    const content = zstdDecompressSync(file.subarray(at, at + size));
    expect(content.length).toBe(file.readUInt32LE(table + i * 8 + 4));
    at += size;
    return content;
  });
  // Nothing but the table follows the last frame.
  expect(at).toBe(table - 8);
  return frames;
}

describe('stageCompressed', () => {
  it.each([
    ['less than a frame', 100_000],
    ['a frame', FRAME_CONTENT_BYTES],
    ['some frames and a rest', 2 * FRAME_CONTENT_BYTES + 12_345],
  ])('writes %s as frames that decode alone, in order', async (_what, sizeBytes) => {
    const pattern = randomBytes(1000);
    const bytes = Buffer.concat([pattern, Buffer.alloc(sizeBytes - 1000, 'flotilla')]);
    const frames = framesOf((await compressed(bytes))!);
    expect(frames).toHaveLength(Math.ceil(sizeBytes / FRAME_CONTENT_BYTES));
    for (const frame of frames) expect(frame.length).toBeLessThanOrEqual(FRAME_CONTENT_BYTES);
    expect(Buffer.concat(frames).equals(bytes)).toBe(true);
  });

  it('yields nothing, and leaves nothing, when it would not be smaller', async () => {
    expect(await compressed(randomBytes(300_000))).toBeNull();
    // Frames of the second half are at work when the limit is passed.
    expect(await compressed(randomBytes(3 * FRAME_CONTENT_BYTES))).toBeNull();
    for await (const { sha256 } of store.list()) expect.fail(`${sha256} was published`);
  });
});
