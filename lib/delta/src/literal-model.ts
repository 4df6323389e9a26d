import { ContextMixer, hashStep } from './context-mixer.ts';
import { aheadOf, BASE_MARGIN } from './base-window.ts';
import { LiteralHistory } from './literal-history.ts';
import type { BitCoder } from './range-coder.ts';
import { TargetHistory } from './target-history.ts';

const INPUTS = 8;
/** Base bytes on either side of a copy's end that are studied before the literals there. */
const STUDY_BYTES = 48;
const NOTHING = new Uint8Array(0);
/** Learning without coding: the bits are known on both sides. */
const STUDY: BitCoder = { decoding: false, code: (bit) => bit };

/** Codes target bytes that the base does not foretell, from the bytes before them. */
export class LiteralModel {
  readonly #mixer: ContextMixer;
  readonly #seen: LiteralHistory;

  constructor(tableBits: number) {
    this.#seen = new LiteralHistory(tableBits);
    this.#mixer = new ContextMixer({
      inputs: INPUTS,
      weightSets: 4 * 256,
      tableBits,
      countLimit: 127,
      learningRate: 28,
    });
  }

  /** `window` and `copyLength` are the edit's: the base past the copy is what these bytes replace. */
  code(
    coder: BitCoder,
    window: Uint8Array,
    copyLength: number,
    target: Uint8Array,
    start: number,
    length: number,
    history: TargetHistory,
  ): void {
    const replaced = BASE_MARGIN + copyLength;
    this.#study(window, copyLength, length);
    this.#seen.add(window.subarray(replaced, replaced + aheadOf(length)));
    this.#codeBytes(coder, window, replaced, target, start, length, history);
  }

  /** New text resembles the old text around it: learn that first, it costs no patch. */
  #study(window: Uint8Array, copyLength: number, literalLength: number): void {
    const end = BASE_MARGIN + copyLength;
    const from = end - Math.min(copyLength, STUDY_BYTES);
    const old = window.slice(from, end + Math.min(literalLength, STUDY_BYTES));
    this.#codeBytes(STUDY, NOTHING, 0, old, 0, old.length, new TargetHistory());
  }

  #codeBytes(
    coder: BitCoder,
    window: Uint8Array,
    replaced: number,
    target: Uint8Array,
    start: number,
    length: number,
    history: TargetHistory,
  ): void {
    this.#seen.resume(history.last4);
    for (let i = 0; i < length; i++) {
      const expected = this.#seen.expected();
      const confidence = this.#seen.confidence();
      this.#setContexts(history, window[replaced + i] ?? 0, expected, confidence);
      const set = (confidence === 0 ? 0 : confidence < 4 ? 1 : confidence < 10 ? 2 : 3) << 8;
      const byte = this.#mixer.codeByte(coder, target[start + i] as number, 0, set);
      target[start + i] = byte;
      history.push(byte);
      this.#seen.push(byte, history.last4);
    }
  }

  #setContexts(
    history: TargetHistory,
    replaced: number,
    expected: number,
    confidence: number,
  ): void {
    const c = this.#mixer.contexts;
    const last4 = history.last4;
    c[0] = hashStep(0x100, last4 & 0xff);
    c[1] = hashStep(0x200, last4 & 0xffff);
    c[2] = hashStep(0x300, last4 & 0xffffff);
    c[3] = hashStep(0x400, last4);
    c[4] = hashStep(hashStep(0x500, last4), history.before4 & 0xffff);
    c[5] = hashStep(0x600, confidence === 0 ? 0 : (expected << 8) | confidence);
    c[6] = hashStep(hashStep(0x700, replaced), last4 & 0xff);
    c[7] = hashStep(hashStep(0x800, history.word), last4 & 0xff);
  }
}
