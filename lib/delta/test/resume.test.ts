import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { applyDelta, bufferBase, createDelta, DeltaError } from '../src/index.ts';
import { inPieces } from '../src/testing/pieces.ts';

const BLOCK_BITS = 18;
const BLOCK_BYTES = 2 ** BLOCK_BITS;
const base = image(900_000, 1);
const target = Buffer.concat([base.subarray(5000, 500_000), image(700, 2), base.subarray(400_000)]);
for (let at = 0; at < target.length; at += 1009) target[at] = target[at]! + 1;

function image(length: number, seed: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let at = 0; at < length; at += 32) {
    createHash('sha256').update(`${seed} ${at}`).digest().copy(bytes, at);
  }
  return bytes;
}

async function apply(patch: Uint8Array, startAtBytes: number, failAtBytes = Infinity) {
  const chunks: Uint8Array[] = [];
  const blocks: number[] = [];
  let written = startAtBytes;
  const result = await applyDelta({
    base: bufferBase(base),
    patch: inPieces(patch),
    startAtBytes,
    write: async (chunk) => {
      if (written + chunk.length > failAtBytes) throw new Error('power cut');
      written += chunk.length;
      chunks.push(chunk);
    },
    onBlock: async (targetBytes) => {
      expect(targetBytes).toBe(written);
      blocks.push(targetBytes);
    },
  }).catch((error: unknown) => {
    expect(error).toMatchObject({ message: 'power cut' });
    return null;
  });
  return { result, blocks, bytes: Buffer.concat(chunks) };
}

describe.each(['dense', 'fast', 'both'] as const)('a patch of blocks (%s)', (methods) => {
  const patch = createDelta(base, target, { methods, blockBits: BLOCK_BITS });

  it('tells every block written', async () => {
    const { blocks, bytes } = await apply(patch, 0);
    expect(bytes.equals(target)).toBe(true);
    const ends = Array.from({ length: Math.ceil(target.length / BLOCK_BYTES) }, (_, i) =>
      Math.min((i + 1) * BLOCK_BYTES, target.length),
    );
    expect(blocks).toEqual(ends);
  });

  it('goes on from the last block told, wherever it was cut', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(target.length), async (cutAt) => {
        const first = await apply(patch, 0, cutAt);
        const from = first.blocks.at(-1) ?? 0;
        const second = await apply(patch, from);
        const made = Buffer.concat([first.bytes.subarray(0, from), second.bytes]);
        expect(made.equals(target)).toBe(true);
        const sha256 = createHash('sha256').update(target).digest('hex');
        expect(second.result).toEqual({
          sha256: from === 0 ? sha256 : null,
          sizeBytes: target.length,
        });
      }),
      { numRuns: 4 },
    );
  }, 30_000);

  it('does not start elsewhere', async () => {
    // Another patch may have given the place; a negative number can only be the caller's fault.
    for (const startAtBytes of [1, BLOCK_BYTES - 1, target.length + 1, -1]) {
      const made = applyDelta({
        base: bufferBase(base),
        patch: inPieces(patch),
        startAtBytes,
        write: () => Promise.reject(new Error('nothing may be written')),
      });
      await expect(made).rejects.toBeInstanceOf(startAtBytes < 0 ? RangeError : DeltaError);
    }
  });
});
