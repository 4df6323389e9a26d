import { ContextMixer, hashStep } from './context-mixer.ts';
import type { BitCoder } from './range-coder.ts';

const INPUTS = 5;
/** Weight sets: one per kind of number and node of its length. */
const NODES = 64;

/** Codes the numbers of the edit script: a length class (5 bits) and the bits below the leading one. */
export class NumberModel {
  readonly #mixer: ContextMixer;
  readonly #last: Int32Array;
  readonly #lastButOne: Int32Array;

  constructor(kinds: number, tableBits: number) {
    this.#mixer = new ContextMixer({
      inputs: INPUTS,
      weightSets: kinds * NODES,
      tableBits,
      countLimit: 255,
      learningRate: 15,
    });
    this.#last = new Int32Array(kinds);
    this.#lastButOne = new Int32Array(kinds);
  }

  reset(): void {
    this.#mixer.reset();
    this.#last.fill(0);
    this.#lastButOne.fill(0);
  }

  get work(): number {
    return this.#mixer.work;
  }

  /** `value` is 0 to 2^31 - 2; `hints` are two small facts that may foretell it. */
  code(coder: BitCoder, kind: number, value: number, hintA: number, hintB: number): number {
    this.#setContexts(kind, hintA, hintB);
    const firstSet = kind * NODES;
    const wanted = 31 - Math.clz32(value + 1);
    let node = 1;
    for (let shift = 4; shift >= 0; shift--) {
      const bit = this.#mixer.codeFlag(coder, (wanted >>> shift) & 1, node, firstSet + node);
      node = (node << 1) | bit;
    }
    const length = node & 31;
    let prefix = 1;
    for (let shift = length - 1; shift >= 0; shift--) {
      // Low bits of a long number are noise: they share one context per place.
      const place = length - 1 - shift;
      const salt = place < 12 ? (length << 13) + prefix : (length << 13) + 0x100000 + shift;
      const set = firstSet + 32 + Math.min(place, 31);
      prefix = (prefix << 1) | this.#mixer.codeFlag(coder, ((value + 1) >>> shift) & 1, salt, set);
    }
    const coded = (prefix >>> 0) - 1;
    this.#lastButOne[kind] = this.#last[kind] as number;
    this.#last[kind] = coded;
    return coded;
  }

  #setContexts(kind: number, hintA: number, hintB: number): void {
    const contexts = this.#mixer.contexts;
    const last = this.#last[kind] as number;
    const lastButOne = this.#lastButOne[kind] as number;
    contexts[0] = hashStep(kind, 1);
    contexts[1] = hashStep(hashStep(kind, 2), last);
    contexts[2] = hashStep(hashStep(hashStep(kind, 3), last), lastButOne);
    contexts[3] = hashStep(hashStep(kind, 4), hintA);
    contexts[4] = hashStep(hashStep(hashStep(kind, 5), hintA), hintB);
  }
}
