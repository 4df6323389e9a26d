import type { ImageSource } from './image-source.ts';

/** Bytes that a hash stands for. */
export const ANCHOR_BYTES = 32;
const MULTIPLIER = 0x2c1b3c6d;
const TABLE_BITS = 23;
/** Half of the table is used at most. */
const MAX_ANCHORS = 1 << (TABLE_BITS - 1);
const MIN_STRIDE = 32;
const READ_BYTES = 4 * 1024 * 1024;

/** MULTIPLIER to the power of ANCHOR_BYTES: takes the oldest byte out of a hash. */
const OLDEST = (() => {
  let power = 1;
  for (let i = 0; i < ANCHOR_BYTES; i++) power = Math.imul(power, MULTIPLIER);
  return power;
})();

/**
 * Where in a base of any size some bytes stand: every `stride` bytes one hash, in a table of 40 MiB.
 * A piece of base in the target is found if it is at least stride + ANCHOR_BYTES - 1 bytes long.
 */
export class AnchorIndex {
  readonly #stride: number;
  /** Base offset in strides, plus one, by hash; 0 is nowhere. */
  readonly #places = new Int32Array(1 << TABLE_BITS);
  /** Eight more bits of the hash: most of what is not there is told without a look at the base. */
  readonly #checks = new Uint8Array(1 << TABLE_BITS);

  constructor(base: ImageSource) {
    const stride = (this.#stride = strideFor(base.sizeBytes));
    for (let at = 0; at < base.sizeBytes; at += READ_BYTES) {
      const bytes = base.read(at, Math.min(READ_BYTES, base.sizeBytes - at));
      for (let i = 0; i + ANCHOR_BYTES <= bytes.length; i += stride) {
        if (isOneByte(bytes, i)) continue;
        let hash = 0;
        for (let k = i; k < i + ANCHOR_BYTES; k++) hash = roll(hash, bytes[k] as number);
        const slot = slotOf(hash);
        this.#places[slot] = (at + i) / stride + 1;
        this.#checks[slot] = hash & 0xff;
      }
    }
  }

  /** A base offset where perhaps the bytes stand whose rolling hash this is, or -1. */
  find(hash: number): number {
    const slot = slotOf(hash);
    if (this.#checks[slot] !== (hash & 0xff)) return -1;
    return ((this.#places[slot] as number) - 1) * this.#stride;
  }
}

/** The rolling hash of the last ANCHOR_BYTES bytes. */
export function roll(hash: number, entering: number, leaving = -1): number {
  return (Math.imul(hash, MULTIPLIER) + (entering + 1) - Math.imul(leaving + 1, OLDEST)) | 0;
}

function slotOf(hash: number): number {
  return Math.imul(hash ^ (hash >>> 15), 0x9e3779b1) >>> (32 - TABLE_BITS);
}

function strideFor(sizeBytes: number): number {
  let stride = MIN_STRIDE;
  while (sizeBytes / stride > MAX_ANCHORS) stride *= 2;
  return stride;
}

/** Zeros are everywhere and say nothing of a place. */
function isOneByte(bytes: Uint8Array, from: number): boolean {
  for (let i = 1; i < ANCHOR_BYTES; i++) if (bytes[from + i] !== bytes[from]) return false;
  return true;
}
