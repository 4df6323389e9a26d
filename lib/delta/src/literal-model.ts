import { ContextMixer, hashStep } from './context-mixer.ts';
import { aheadOf, BASE_MARGIN } from './base-window.ts';
import type { Edit } from './edit-script.ts';
import { LiteralHistory } from './literal-history.ts';
import type { BitCoder } from './range-coder.ts';
import { TargetHistory } from './target-history.ts';

const INPUTS = 10;
const MATCH_CLASSES = 16;
/** Base bytes on either side of a copy's end that are studied before the literals there. */
const STUDY_BYTES = 48;
/** Learning without coding: the bits are known on both sides. */
const STUDY: BitCoder = { decoding: false, code: (bit) => bit };

/** Codes target bytes that no copy makes, from those before them and from where they stood before. */
export class LiteralModel {
  readonly #mixer: ContextMixer;
  readonly seen: LiteralHistory;

  constructor(tableBits: number) {
    this.seen = new LiteralHistory(tableBits);
    this.#mixer = new ContextMixer({
      inputs: INPUTS,
      weightSets: MATCH_CLASSES * 256,
      tableBits,
      countLimit: 127,
      learningRate: 28,
    });
  }

  reset(): void {
    this.#mixer.reset();
  }

  get work(): number {
    return this.#mixer.work;
  }

  /** Codes the edit's literals, from `start` on; its window's base past the copy is what they replace. */
  code(
    coder: BitCoder,
    edit: Edit,
    window: Uint8Array,
    target: Uint8Array,
    start: number,
    history: TargetHistory,
  ): void {
    const { baseOffset, copyLength, literalLength } = edit;
    this.#study(window, copyLength, literalLength);
    const replacedAt = baseOffset + copyLength;
    this.seen.resume(replacedAt, aheadOf(literalLength), target, start, history);
    const replaced = window.subarray(BASE_MARGIN + copyLength);
    const end = start + literalLength;
    for (let at = start; at < end; at++) {
      const set = this.#setContexts(history, replaced[at - start] ?? 0, this.seen);
      const byte = this.#mixer.codeByte(coder, target[at] as number, 0, set);
      target[at] = byte;
      history.push(byte);
      this.seen.push(byte, target, at + 1, history);
    }
  }

  /** New text resembles the old text around it: learn that first, it costs no patch. */
  #study(window: Uint8Array, copyLength: number, literalLength: number): void {
    const middle = BASE_MARGIN + copyLength;
    const end = Math.min(middle + Math.min(literalLength, STUDY_BYTES), window.length);
    const history = new TargetHistory();
    for (let at = middle - Math.min(copyLength, STUDY_BYTES); at < end; at++) {
      const byte = window[at] as number;
      this.#mixer.codeByte(STUDY, byte, 0, this.#setContexts(history, 0, null));
      history.push(byte);
    }
  }

  /** Returns the first of the weight sets to use. */
  #setContexts(history: TargetHistory, replaced: number, seen: LiteralHistory | null): number {
    const c = this.#mixer.contexts;
    const last4 = history.last4;
    const last = last4 & 0xff;
    let long = 0;
    let short = 0;
    let longByte = 0;
    let shortByte = 0;
    if (seen !== null) {
      long = seen.long.at < 0 ? 0 : 1 + lengthClass(seen.long.length);
      short = seen.short.at < 0 ? 0 : 1 + lengthClass(seen.short.length);
      longByte = seen.expected(seen.long);
      shortByte = seen.expected(seen.short);
    }
    const isSame = longByte === shortByte ? 0x80 : 0;
    c[0] = hashStep(0x100, last);
    c[1] = hashStep(0x200, last4 & 0xffff);
    c[2] = hashStep(0x300, last4 & 0xffffff);
    c[3] = hashStep(0x400, last4);
    c[4] = hashStep(hashStep(0x500, last4), history.before4 & 0xffff);
    c[5] = long === 0 ? 0 : hashStep(0x600, (longByte << 8) | long);
    c[6] = hashStep(hashStep(0x700, replaced), last);
    c[7] = hashStep(hashStep(0x800, history.word), last);
    c[8] = short === 0 ? 0 : hashStep(0x900, (shortByte << 8) | isSame | short);
    c[9] = hashStep(0xa00, longByte | (last << 8) | (((long + 3) >> 2) << 16));
    return ((trust(long) << 2) | trust(short)) << 8;
  }
}

/** 0 to 15, growing with the length. */
function lengthClass(length: number): number {
  if (length < 8) return length;
  if (length < 32) return 8 + ((length - 8) >> 3);
  return Math.min(11 + (31 - Math.clz32(length >> 5)), 15);
}

function trust(matchClass: number): number {
  return matchClass === 0 ? 0 : matchClass < 4 ? 1 : matchClass < 8 ? 2 : 3;
}
