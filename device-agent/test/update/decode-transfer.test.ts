import { createHash } from 'node:crypto';
import { zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seekableZstd } from '../../src/testing/seekable-zstd.ts';
import { decodeTransfer } from '../../src/update/decode-transfer.ts';

async function* inChunks(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

interface Decoded {
  content: Buffer;
  /** Offset in the transfer to bytes of content before it. */
  boundaries: [number, number][];
}

async function decode(
  encoding: 'identity' | 'zstd',
  chunks: AsyncIterable<Buffer>,
  offset = 0,
): Promise<Decoded> {
  const parts: Buffer[] = [];
  const boundaries: [number, number][] = [];
  let length = 0;
  for await (const part of decodeTransfer(encoding, chunks, offset)) {
    if (part.kind === 'boundary') boundaries.push([part.transferOffsetBytes, length]);
    else {
      parts.push(Buffer.from(part.bytes));
      length += part.bytes.length;
    }
  }
  return { content: Buffer.concat(parts), boundaries };
}

function content(sizeBytes: number, seed: number): Buffer {
  const noise = createHash('sha256').update(String(seed)).digest();
  return Buffer.alloc(sizeBytes, Buffer.concat([noise, Buffer.alloc(100 + seed)]));
}

describe('a transfer in zstd frames', () => {
  it('gives the content and a place to begin anew behind each frame, however it arrives', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 40_000 }),
        fc.integer({ min: 500, max: 9_000 }),
        fc.integer({ min: 60, max: 5_000 }),
        fc.nat(50),
        async (size, frameBytes, chunkBytes, seed) => {
          const original = content(size, seed);
          const served = seekableZstd(original, frameBytes);
          const whole = await decode('zstd', inChunks(served, chunkBytes));
          expect(whole.content.equals(original)).toBe(true);
          expect(whole.boundaries.length).toBe(Math.ceil(size / frameBytes));
          for (const [transferOffset, contentOffset] of whole.boundaries) {
            const rest = inChunks(served.subarray(transferOffset), chunkBytes);
            const tail = await decode('zstd', rest, transferOffset);
            expect(tail.content.equals(original.subarray(contentOffset))).toBe(true);
          }
        },
      ),
      { numRuns: 25 },
    );
  });

  it('is the same when every byte of it comes alone', async () => {
    const original = content(3_000, 7);
    const served = seekableZstd(original, 700);
    const whole = await decode('zstd', inChunks(served, 1));
    expect(whole.content.equals(original)).toBe(true);
    expect(whole.boundaries).toHaveLength(5);
  });

  it('may hold frames that stand for nothing, any number of them', async () => {
    const nothing = Array.from({ length: 500 }, () => zstdCompressSync(Buffer.alloc(0)));
    const served = Buffer.concat([...nothing, zstdCompressSync(content(900, 8)), ...nothing]);
    const decoded = await decode('zstd', inChunks(served, 1_000));
    expect(decoded.content.equals(content(900, 8))).toBe(true);
  });

  it('reads an ordinary stream of one frame', async () => {
    const original = content(300_000, 1);
    const decoded = await decode('zstd', inChunks(zstdCompressSync(original), 1_000));
    expect(decoded.content.equals(original)).toBe(true);
  });

  it.each([
    ['no zstd at all', Buffer.from('this is a plain text file')],
    ['a frame that is cut off', zstdCompressSync(content(90_000, 2)).subarray(0, -5)],
    [
      'garbage behind a frame',
      Buffer.concat([zstdCompressSync(content(10, 3)), Buffer.alloc(9, 1)]),
    ],
  ])('is refused when it is %s', async (_name, bytes) => {
    await expect(decode('zstd', inChunks(bytes, 64))).rejects.toMatchObject({
      reason: 'artifact_checksum_mismatch',
    });
  });

  it('is refused, never worse, when bytes of it are changed', async () => {
    const served = seekableZstd(content(20_000, 4), 4_000);
    await fc.assert(
      fc.asyncProperty(
        fc.nat(served.length - 1),
        fc.integer({ min: 1, max: 255 }),
        async (at, by) => {
          const damaged = Buffer.from(served);
          damaged[at]! ^= by;
          const outcome = await decode('zstd', inChunks(damaged, 777)).then(
            () => 'decoded',
            (error: unknown) => (error as { reason?: string }).reason ?? String(error),
          );
          // What still decodes is caught by the digest of the whole.
          expect(['decoded', 'artifact_checksum_mismatch']).toContain(outcome);
        },
      ),
      { numRuns: 150 },
    );
  });

  it('passes on what breaks the connection, as it is', async () => {
    const served = seekableZstd(content(20_000, 5), 4_000);
    async function* broken(): AsyncGenerator<Buffer> {
      yield served.subarray(0, served.length / 2);
      throw new Error('connection lost');
    }
    await expect(decode('zstd', broken())).rejects.toThrow('connection lost');
  });
});

describe('a transfer as it is', () => {
  it('may begin anew behind every chunk', async () => {
    const original = content(1_000, 6);
    const decoded = await decode('identity', inChunks(original.subarray(100), 300), 100);
    expect(decoded.content.equals(original.subarray(100))).toBe(true);
    expect(decoded.boundaries).toEqual([
      [400, 300],
      [700, 600],
      [1000, 900],
    ]);
  });
});
