import type { BlockEncoder, CodedBlock } from './block-codec.ts';
import type { Edit } from './edit-script.ts';
import type { BlockSearch } from './edit-finder.ts';
import type { ImageSource } from './image-source.ts';
import { MixingEncoder } from './mixing-encoder.ts';
import { cutEdits, liveliestPart } from './split-edits.ts';
import { StreamEncoder } from './stream-encoder.ts';

/** See `findEdits`; both were found by trying. */
export const FAR_GAIN_CODE = 14;
const FAR_GAIN_TEXT = 64;
/** The gain is chosen by coding so much of a block both ways. */
const SAMPLE_BYTES = 1024 * 1024;
/** A block of text may also be coded without copies, all foretold: for many small pieces. */
const MAX_UNCOPIED_BYTES = 2 * 1024 * 1024;
/** Not where copies do well: to foretell all bytes takes long, for patch and device. */
const MIN_UNCOPIED_SHARE = 1 / 50;
/** The slower way must save so much. */
const SLOW_MARGIN = 0.97;

/** Up to so much work on a dense block, a second or so of a fast CPU, a byte saved may cost much; */
const LITTLE_WORK = 2 ** 28;
const MOST_WORK_PER_BYTE = 2 ** 19;
/** beyond it only so much. */
const WORK_PER_BYTE = 2 ** 14;
/** Model slots read and moved for each literal. */
const WORK_PER_LITERAL = 80;

export type Methods = 'both' | 'dense' | 'fast';

/** Codes each block by the method that is worth its device's work; FORMAT.md states the rule. */
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
    const asCode = search(this.#gain ?? FAR_GAIN_CODE);
    const first = this.#fast?.encode({ base, target, edits: asCode }) ?? null;
    if (first !== null && !mayPay(asCode, first)) return first;
    const gain = this.#gain ?? this.#chooseGain(base, target, search);
    const edits = search(gain);
    const fast = edits === asCode ? first : (this.#fast?.encode({ base, target, edits }) ?? null);
    if (fast !== null && this.#dense === null) return fast;
    const dense = this.#encodeDense(base, target, edits, gain);
    return fast !== null && !pays(dense, fast) ? fast : dense;
  }

  #encodeDense(
    base: ImageSource,
    target: Uint8Array,
    edits: readonly Edit[],
    gain: number,
  ): CodedBlock {
    if (this.#dense === null) throw new TypeError('no method may code blocks');
    const copying = this.#dense.encode({ base, target, edits });
    const mayUncopy =
      gain === FAR_GAIN_TEXT &&
      target.length <= MAX_UNCOPIED_BYTES &&
      copying.payload.length > target.length * MIN_UNCOPIED_SHARE;
    if (!mayUncopy) return copying;
    const nothing = [{ baseOffset: 0, copyLength: 0, literalLength: target.length }];
    const uncopied = this.#dense.encode({ base, target, edits: nothing });
    return uncopied.payload.length < copying.payload.length * SLOW_MARGIN ? uncopied : copying;
  }

  #chooseGain(base: ImageSource, target: Uint8Array, search: BlockSearch): number {
    const judge = this.#dense ?? this.#fast;
    if (judge === null) return FAR_GAIN_CODE;
    const part = liveliestPart(search(FAR_GAIN_CODE), SAMPLE_BYTES);
    const sample = target.subarray(part.from, part.to);
    const bytesBy = (gain: number): number => {
      const edits = cutEdits(search(gain), part);
      return judge.encode({ base, target: sample, edits }).payload.length;
    };
    const asCode = bytesBy(FAR_GAIN_CODE);
    const asText = bytesBy(FAR_GAIN_TEXT);
    const gain = asText < asCode ? FAR_GAIN_TEXT : FAR_GAIN_CODE;
    if (asText !== asCode) this.#gain = gain;
    return gain;
  }
}

/** Whether the dense method would pay even if it took no bytes at all. */
function mayPay(edits: readonly Edit[], fast: CodedBlock): boolean {
  const literals = edits.reduce((sum, edit) => sum + edit.literalLength, 0);
  return isAffordable(literals * WORK_PER_LITERAL, fast.payload.length);
}

function pays(dense: CodedBlock, fast: CodedBlock): boolean {
  const saved = fast.payload.length - dense.payload.length;
  return (
    dense.payload.length < fast.payload.length * SLOW_MARGIN && isAffordable(dense.work, saved)
  );
}

function isAffordable(work: number, savedBytes: number): boolean {
  const most = Math.max(LITTLE_WORK, savedBytes * WORK_PER_BYTE);
  return work <= Math.min(most, savedBytes * MOST_WORK_PER_BYTE);
}
