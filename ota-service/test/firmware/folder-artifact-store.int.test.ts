import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { zstdDecompressSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ArtifactMissingError, ArtifactTooLargeError } from '../../src/firmware/artifact-store.ts';
import { stageCompressed } from '../../src/firmware/compress-artifact.ts';
import { FolderArtifactStore } from '../../src/firmware/folder-artifact-store.ts';

let root: string;
let store: FolderArtifactStore;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'flotilla-artifacts-'));
  store = await FolderArtifactStore.open(root);
});
afterEach(() => rm(root, { recursive: true, force: true }));

const BYTES = randomBytes(300_000);
const SHA256 = createHash('sha256').update(BYTES).digest('hex');

async function* chunks(bytes: Uint8Array, failAfter = Infinity): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 1000) {
    if (at >= failAfter) throw new Error('the sender is gone');
    yield await Promise.resolve(bytes.subarray(at, at + 1000));
  }
}
async function files(): Promise<string[]> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => entry.name);
}

describe('FolderArtifactStore', () => {
  it('makes bytes reachable only when they are published', async () => {
    const staged = await store.stage(chunks(BYTES), BYTES.length);
    expect(staged).toMatchObject({ sha256: SHA256, sizeBytes: BYTES.length });
    expect(await store.sizeBytes(SHA256)).toBeNull();
    await expect(store.localFile(SHA256)).rejects.toThrow(ArtifactMissingError);
    await store.publish(staged);
    expect(await store.sizeBytes(SHA256)).toBe(BYTES.length);
    expect((await buffer(store.open(SHA256, 0, BYTES.length - 1))).equals(BYTES)).toBe(true);
    const part = await buffer(store.open(SHA256, 1000, 1999));
    expect(part.equals(BYTES.subarray(1000, 2000))).toBe(true);
    await store.discard(staged);
    expect(await files()).toEqual([SHA256]);
  });

  it('keeps one copy of the same bytes', async () => {
    for (let i = 0; i < 2; i += 1) await store.publish(await store.stage(chunks(BYTES), 1e6));
    expect(await files()).toEqual([SHA256]);
  });

  it.each([
    ['the source fails', () => store.stage(chunks(BYTES, 150_000), 1e6), 'the sender is gone'],
    ['the limit is passed', () => store.stage(chunks(BYTES), BYTES.length - 1), 'larger than'],
  ])('leaves nothing when %s', async (_what, stage, message) => {
    await expect(stage()).rejects.toThrow(message);
    expect(await files()).toEqual([]);
  });

  it('forgets what is discarded', async () => {
    await store.discard(await store.stage(chunks(BYTES), 1e6));
    expect(await files()).toEqual([]);
  });

  it('removes at start what a killed process left half-written, and nothing else', async () => {
    await store.publish(await store.stage(chunks(BYTES), 1e6));
    await store.stage(chunks(randomBytes(5000)), 1e6);
    await writeFile(join(root, 'incoming', 'torn'), 'half');
    expect(await files()).toHaveLength(3);
    await FolderArtifactStore.open(root);
    expect(await files()).toEqual([SHA256]);
  });

  it('reports a limit as its own kind of error', async () => {
    await expect(store.stage(chunks(BYTES), 10)).rejects.toThrow(ArtifactTooLargeError);
  });
});

describe('stageCompressed', () => {
  it('yields a smaller form that decompresses to the artifact', async () => {
    const text = Buffer.from('the same line again\n'.repeat(5000));
    const artifact = await store.stage(chunks(text), 1e6);
    const compressed = await stageCompressed(store, artifact);
    expect(compressed!.sizeBytes).toBeLessThan(text.length / 10);
    await store.publish(compressed!);
    const bytes = await buffer(store.open(compressed!.sha256, 0, compressed!.sizeBytes - 1));
    expect(zstdDecompressSync(bytes).equals(text)).toBe(true);
  });

  it('yields nothing, and leaves nothing, when compression does not pay', async () => {
    const artifact = await store.stage(chunks(BYTES), 1e6);
    expect(await stageCompressed(store, artifact)).toBeNull();
    expect(await files()).toHaveLength(1);
  });
});
