import { createHash } from 'node:crypto';
import { baseView, viewImage } from './base-view.ts';
import { DeltaError } from './delta-error.ts';
import type { Edit } from './edit-script.ts';
import { EditFinder, type BlockSearch } from './edit-finder.ts';
import { bufferImage, type ImageSource } from './image-source.ts';
import { FAR_GAIN_CODE, MethodChooser, type Methods } from './method-chooser.ts';
import {
  MAX_BLOCK_BITS,
  MAX_IMAGE_BYTES,
  MAX_TABLE_BITS,
  MIN_TABLE_BITS,
  shortDigest,
  writeBlockHeader,
  writeHeader,
} from './patch-format.ts';
import { countNews } from './split-edits.ts';

const HASH_CHUNK_BYTES = 4 * 1024 * 1024;

export interface CreateDeltaOptions {
  /** Which methods may code blocks; default both, the better one for each block. */
  readonly methods?: Methods;
  /** Log2 of the target bytes of a block, where applying may resume: 18 to 24, default 24. */
  readonly blockBits?: number;
}

/** A patch in memory; see `deltaChunks`. */
export function createDelta(
  base: Uint8Array,
  target: Uint8Array,
  options: CreateDeltaOptions = {},
): Uint8Array {
  return Buffer.concat([...deltaChunks(bufferImage(base), bufferImage(target), options)]);
}

/**
 * A patch that turns `base` into `target`, piece by piece. Synchronous and CPU heavy (seconds per
 * 10 MB): run it in a worker thread. Memory is bounded whatever the images' size: about 600 MiB.
 * Throws DeltaError 'too_large' for an image over 64 GiB.
 */
export function* deltaChunks(
  base: ImageSource,
  target: ImageSource,
  options: CreateDeltaOptions = {},
): Generator<Uint8Array> {
  if (Math.max(base.sizeBytes, target.sizeBytes) > MAX_IMAGE_BYTES) {
    throw new DeltaError('too_large', `an image exceeds ${MAX_IMAGE_BYTES} bytes`);
  }
  const blockBits = options.blockBits ?? MAX_BLOCK_BITS;
  const blockBytes = 2 ** blockBits;
  const baseSha256 = sha256Of(base);
  const targetSha256 = sha256Of(target);
  const search = planSearch(base, baseSha256 === targetSha256);
  const first = search(target.read(0, Math.min(blockBytes, target.sizeBytes)), 0);
  const tableBits =
    target.sizeBytes > blockBytes ? MAX_TABLE_BITS : tableBitsFor(base, target, first);
  yield writeHeader({
    tableBits,
    blockBits,
    baseSizeBytes: base.sizeBytes,
    baseDigest: shortDigest(baseSha256),
    targetSizeBytes: target.sizeBytes,
    targetDigest: shortDigest(targetSha256),
  });
  const chooser = new MethodChooser(options.methods ?? 'both', tableBits);
  for (let at = 0; at < target.sizeBytes; at += blockBytes) {
    const bytes = target.read(at, Math.min(blockBytes, target.sizeBytes - at));
    const seen = viewImage(base, baseView(base.sizeBytes, at));
    const { method, payload } = chooser.encode(seen, bytes, at === 0 ? first : search(bytes, at));
    yield writeBlockHeader({ method, payloadBytes: payload.length });
    yield payload;
  }
}

/** How edits are found; for equal images and without a base there is nothing to search. */
function planSearch(
  base: ImageSource,
  isSame: boolean,
): (target: Uint8Array, blockOffset: number) => BlockSearch {
  if (isSame) {
    return (target, blockOffset) => () => {
      const baseOffset = blockOffset - baseView(base.sizeBytes, blockOffset).from;
      const copyLength = target.length;
      return copyLength === 0 ? [] : [{ baseOffset, copyLength, literalLength: 0 }];
    };
  }
  if (base.sizeBytes === 0) {
    return (target) => () => [{ baseOffset: 0, copyLength: 0, literalLength: target.length }];
  }
  const finder = new EditFinder(base);
  return (target, blockOffset) => remembered(finder.search(target, blockOffset));
}

/** Each gain is searched for once a block. */
function remembered(search: BlockSearch): BlockSearch {
  const known = new Map<number, readonly Edit[]>();
  return (gain) => {
    const edits = known.get(gain) ?? search(gain);
    known.set(gain, edits);
    return edits;
  };
}

/** Enough slots for the bytes that are news; a small patch asks little memory of a device. */
function tableBitsFor(base: ImageSource, target: ImageSource, search: BlockSearch): number {
  const bytes = target.read(0, target.sizeBytes);
  const news = countNews((at, length) => base.read(at, length), bytes, search(FAR_GAIN_CODE));
  const wanted = 6 + Math.ceil(Math.log2(news + 1));
  return Math.max(MIN_TABLE_BITS, Math.min(wanted, MAX_TABLE_BITS));
}

function sha256Of(image: ImageSource): string {
  const hash = createHash('sha256');
  for (let at = 0; at < image.sizeBytes; at += HASH_CHUNK_BYTES) {
    hash.update(image.read(at, Math.min(HASH_CHUNK_BYTES, image.sizeBytes - at)));
  }
  return hash.digest('hex');
}
