import { applyDelta, bufferBase, type ApplyLimits } from '../index.ts';

/** A byte stream in pieces of the given size, as a download gives it. */
export async function* inPieces(bytes: Uint8Array, pieceBytes = 1000): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    yield bytes.subarray(at, at + pieceBytes);
  }
}

/** Applies a patch held in memory and gathers the target. */
export async function applyInMemory(
  base: Uint8Array,
  patch: Uint8Array,
  limits: ApplyLimits = {},
  pieceBytes = 1000,
): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  await applyDelta({
    base: bufferBase(base),
    patch: inPieces(patch, pieceBytes),
    write: async (chunk) => {
      chunks.push(chunk);
    },
    limits,
  });
  return Buffer.concat(chunks);
}
