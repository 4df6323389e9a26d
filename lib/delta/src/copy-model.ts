import { ContextMixer, hashStep } from './context-mixer.ts';
import { BASE_MARGIN } from './base-window.ts';
import type { BitCoder } from './range-coder.ts';
import type { TargetHistory } from './target-history.ts';

const FLAG_INPUTS = 8;
const VALUE_INPUTS = 7;
const STRETCH_INPUTS = 3;
/** At least 32, so that the bits and bytes of history before a stretch are all zero. */
const STRETCH_BYTES = 64;

/**
 * Codes target bytes that lie on a piece of base: for each byte whether it is equal, and if not the
 * difference. What changes in machine code is mostly addresses, so the contexts look for the same
 * base bytes being changed alike again.
 */
export class CopyModel {
  readonly #flags: ContextMixer;
  readonly #values: ContextMixer;
  readonly #stretches: ContextMixer;
  /** One bit per earlier stretch, newest lowest: 1 where it held a difference. */
  #stretchMisses = 0;
  /** One bit per earlier byte, newest lowest: 1 where it differed. */
  #misses = 0;
  /** The last four differences, newest lowest. */
  #differences = 0;
  #lastDifference = 0;
  #sinceMiss = 0;

  constructor(tableBits: number) {
    this.#flags = new ContextMixer({
      inputs: FLAG_INPUTS,
      weightSets: 1024,
      tableBits,
      countLimit: 255,
      learningRate: 16,
    });
    this.#values = new ContextMixer({
      inputs: VALUE_INPUTS,
      weightSets: 256,
      tableBits,
      countLimit: 127,
      learningRate: 20,
    });
    this.#stretches = new ContextMixer({
      inputs: STRETCH_INPUTS,
      weightSets: 1,
      tableBits: 12,
      countLimit: 255,
      learningRate: 16,
    });
  }

  reset(): void {
    this.#flags.reset();
    this.#values.reset();
    this.#stretches.reset();
    this.#stretchMisses = 0;
    this.#misses = 0;
    this.#differences = 0;
    this.#lastDifference = 0;
    this.#sinceMiss = 0;
  }

  get work(): number {
    return this.#flags.work + this.#values.work + this.#stretches.work;
  }

  /** `window` holds the base from BASE_MARGIN bytes before the copy; `target` is read or filled. */
  code(
    coder: BitCoder,
    window: Uint8Array,
    target: Uint8Array,
    start: number,
    length: number,
    history: TargetHistory,
  ): void {
    // A stretch found to hold a difference is coded byte by byte, up to here.
    let byteWiseUntil = 0;
    for (let i = 0; i < length;) {
      if (i >= byteWiseUntil && this.#sinceMiss >= STRETCH_BYTES && i + STRETCH_BYTES <= length) {
        if (this.#codeStretch(coder, window, i + BASE_MARGIN, target, start + i, history)) {
          i += STRETCH_BYTES;
          continue;
        }
        byteWiseUntil = i + STRETCH_BYTES;
      }
      const at = i + BASE_MARGIN;
      const expected = window[at] as number;
      const wanted = target[start + i] as number;
      const difference = this.#codeByte(coder, window, at, (wanted - expected) & 255, history);
      const byte = (expected + difference) & 255;
      target[start + i] = byte;
      history.push(byte);
      i++;
    }
  }

  /** One bit for a whole stretch where nothing changed lately: most of an image costs no more. */
  #codeStretch(
    coder: BitCoder,
    window: Uint8Array,
    at: number,
    target: Uint8Array,
    start: number,
    history: TargetHistory,
  ): boolean {
    let differs = 0;
    if (!coder.decoding) {
      for (let i = 0; i < STRETCH_BYTES && differs === 0; i++) {
        if (window[at + i] !== target[start + i]) differs = 1;
      }
    }
    const c = this.#stretches.contexts;
    const age = 31 - Math.clz32(this.#sinceMiss);
    c[0] = hashStep(0x100, age);
    c[1] = hashStep(0x200, this.#stretchMisses & 0xff);
    c[2] = hashStep(hashStep(0x300, this.#stretchMisses & 0xfff), age);
    differs = this.#stretches.codeFlag(coder, differs, 0, 0);
    this.#stretchMisses = (this.#stretchMisses << 1) | differs;
    if (differs === 1) return false;
    for (let i = 0; i < STRETCH_BYTES; i++) target[start + i] = window[at + i] as number;
    history.pass(target, start, STRETCH_BYTES);
    this.#sinceMiss += STRETCH_BYTES;
    return true;
  }

  #codeByte(
    coder: BitCoder,
    window: Uint8Array,
    at: number,
    difference: number,
    history: TargetHistory,
  ): number {
    this.#setFlagContexts(window, at, history);
    const set = (this.#misses & 255) | ((history.offset & 3) << 8);
    const miss = this.#flags.codeFlag(coder, difference === 0 ? 0 : 1, 0, set);
    let coded = 0;
    if (miss === 1) {
      this.#setValueContexts(window, at, history);
      coded = this.#values.codeByte(coder, difference, 0, 0);
      this.#lastDifference = coded;
      this.#sinceMiss = 0;
    } else {
      this.#sinceMiss++;
    }
    this.#misses = (this.#misses << 1) | miss;
    this.#differences = (this.#differences << 8) | coded;
    return coded;
  }

  #setFlagContexts(window: Uint8Array, at: number, history: TargetHistory): void {
    const c = this.#flags.contexts;
    const here = window[at] as number;
    const before = word(window, at - 3);
    const after = word(window, at);
    const recent = this.#misses & 3;
    const phase = history.offset & 3;
    c[0] = hashStep(0x100, this.#misses & 0xffff);
    c[1] = hashStep(hashStep(0x200, (before >>> 16) | ((after & 0xff00) << 8)), recent);
    c[2] = hashStep(hashStep(0x300, this.#differences), phase);
    c[3] = hashStep(hashStep(0x400, after), recent);
    c[4] = hashStep(hashStep(0x500, before), this.#differences & 0xff);
    c[5] = hashStep(
      hashStep(0x600, this.#lastDifference | (here << 8)),
      Math.min(this.#sinceMiss, 32),
    );
    c[6] = hashStep(hashStep(0x700, (history.last4 & 0xffff) | (here << 16)), this.#misses & 7);
    c[7] = hashStep(0x800, (Math.min(this.#sinceMiss, 255) << 2) | phase);
  }

  #setValueContexts(window: Uint8Array, at: number, history: TargetHistory): void {
    const c = this.#values.contexts;
    const here = window[at] as number;
    const before = word(window, at - 3);
    const after = word(window, at);
    const carry = (history.last4 & 0xff) < (window[at - 1] as number) ? 1 : 0;
    c[0] = hashStep(0x100, this.#lastDifference);
    c[1] = hashStep(hashStep(0x200, this.#differences), carry);
    c[2] = hashStep(0x300, after);
    c[3] = hashStep(hashStep(0x400, before), this.#differences & 0xff);
    c[4] = hashStep(hashStep(0x500, here), history.last4 & 0xffff);
    c[5] = hashStep(hashStep(0x600, here), this.#lastDifference | (carry << 8));
    c[6] = hashStep(0x700, (this.#differences & 0xff) | (Math.min(this.#sinceMiss, 15) << 8));
  }
}

/** Four bytes of base, little-endian. */
function word(window: Uint8Array, at: number): number {
  return (
    (window[at] as number) |
    ((window[at + 1] as number) << 8) |
    ((window[at + 2] as number) << 16) |
    ((window[at + 3] as number) << 24)
  );
}
