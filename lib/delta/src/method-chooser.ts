import type { BlockEncoder } from './block-codec.ts';
import type { Edit } from './edit-script.ts';
import type { BlockSearch } from './edit-finder.ts';
import type { ImageSource } from './image-source.ts';
import { MixingEncoder } from './mixing-encoder.ts';
import { StreamEncoder } from './stream-encoder.ts';

/** See `findEdits`; both were found by trying. */
export const FAR_GAIN_CODE = 14;
const FAR_GAIN_TEXT = 64;
/** Nothing is copied, all is foretold: the smallest for text of many small pieces, but slow. */
const NO_COPIES = Infinity;
const MAX_UNCOPIED_BYTES = 2 * 1024 * 1024;
/** A slower way must save so much. */
const SLOW_MARGIN = 0.97;

/** A block coded by the fast method is taken if it has at most so many times the dense one's bytes. */
const FAST_MARGIN = 1.03;

export type Methods = 'both' | 'dense' | 'fast';

export interface CodedBlock {
  readonly method: number;
  readonly payload: Uint8Array;
}

/** Codes each block in every way allowed and keeps the best: which one it is turns out afterwards. */
export class MethodChooser {
  readonly #dense: BlockEncoder | null;
  readonly #fast: BlockEncoder | null;
  /** Of the first block that tells them apart; images are of one kind throughout. */
  #gain: number | null = null;

  constructor(methods: Methods, tableBits: number) {
    this.#dense = methods === 'fast' ? null : new MixingEncoder(tableBits);
    this.#fast = methods === 'dense' ? null : new StreamEncoder();
  }

  encode(base: ImageSource, target: Uint8Array, search: BlockSearch): CodedBlock {
    const dense = this.#encodeBy(this.#dense, base, target, search);
    const fast = this.#encodeBy(this.#fast, base, target, search);
    if (dense === null || (fast !== null && isPreferable(fast, dense))) {
      if (fast === null) throw new TypeError('no method may code blocks');
      return fast;
    }
    return dense;
  }

  #encodeBy(
    encoder: BlockEncoder | null,
    base: ImageSource,
    target: Uint8Array,
    search: BlockSearch,
  ): CodedBlock | null {
    if (encoder === null) return null;
    const editsFor = (gain: number): readonly Edit[] =>
      gain === NO_COPIES
        ? [{ baseOffset: 0, copyLength: 0, literalLength: target.length }]
        : search(gain);
    const code = (gain: number): CodedBlock => ({
      method: encoder.method,
      payload: encoder.encode({ base, target, edits: editsFor(gain) }),
    });
    if (this.#gain !== null) return code(this.#gain);
    const asCode = code(FAR_GAIN_CODE);
    const asText = code(FAR_GAIN_TEXT);
    const isText = asText.payload.length < asCode.payload.length;
    if (asText.payload.length !== asCode.payload.length) {
      this.#gain = isText ? FAR_GAIN_TEXT : FAR_GAIN_CODE;
    }
    const copying = isText ? asText : asCode;
    if (!isText || encoder !== this.#dense || target.length > MAX_UNCOPIED_BYTES) return copying;
    const uncopied = code(NO_COPIES);
    return uncopied.payload.length < copying.payload.length * SLOW_MARGIN ? uncopied : copying;
  }
}

function isPreferable(fast: CodedBlock, dense: CodedBlock): boolean {
  return fast.payload.length <= dense.payload.length * FAST_MARGIN;
}
