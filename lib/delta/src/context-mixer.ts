import { adaptationRates, SQUASH, STRETCH } from './logistic.ts';
import type { BitCoder } from './range-coder.ts';

const HASH_MULTIPLIER = 0x9e3779b1;
/** A fresh slot: even odds, nothing observed (22-bit probability, 10-bit count). */
const FRESH = (1 << 31) >>> 0;
/** 8.0 in 16.16 fixed point: keeps a weight times log odds within 31 bits. */
const MAX_WEIGHT = 1 << 19;

export interface MixerOptions {
  /** Number of contexts that vote on each bit. */
  readonly inputs: number;
  /** Number of weight sets to choose from. */
  readonly weightSets: number;
  /** Log2 of the slots per context. */
  readonly tableBits: number;
  /** Observations after which a slot's probability keeps adapting at the same pace. */
  readonly countLimit: number;
  /** How fast the weights learn; about 5 to 25. */
  readonly learningRate: number;
}

/**
 * Predicts bits by mixing several contexts' adaptive probabilities in the logistic domain (Mahoney,
 * "Adaptive Weighing of Context Models for Lossless Data Compression", 2005). All integer: every
 * value fits 32 bits, so a port to C decodes alike.
 */
export class ContextMixer {
  /** The caller's hash of each context; set before the bits of a symbol. */
  readonly contexts: Int32Array;
  /** Slots read and moved since the last `reset`: what takes a device its time. */
  work = 0;

  readonly #slots: Uint32Array;
  readonly #slotOf: Int32Array;
  readonly #base: Int32Array;
  readonly #stretched: Int32Array;
  readonly #weights: Int32Array;
  readonly #rates: Int32Array;
  readonly #inputs: number;
  readonly #tableBits: number;
  readonly #countLimit: number;
  readonly #learningRate: number;

  constructor(options: MixerOptions) {
    const { inputs, weightSets, tableBits } = options;
    this.#inputs = inputs;
    this.#tableBits = tableBits;
    this.#countLimit = options.countLimit;
    this.#learningRate = options.learningRate;
    this.contexts = new Int32Array(inputs);
    this.#slots = new Uint32Array(inputs << tableBits);
    this.#slotOf = new Int32Array(inputs);
    this.#base = new Int32Array(inputs);
    this.#stretched = new Int32Array(inputs);
    this.#weights = new Int32Array(inputs * weightSets);
    this.#rates = adaptationRates(options.countLimit);
    this.#clear();
  }

  /** Forgets all that was learnt; after nothing was, there is nothing to do. */
  reset(): void {
    if (this.work > 0) this.#clear();
  }

  #clear(): void {
    this.work = 0;
    this.#slots.fill(FRESH);
    this.#weights.fill(Math.floor((1.8 * 65536) / this.#inputs));
  }

  /** Codes one bit that stands alone; `salt` sets it apart from other bits of the same contexts. */
  codeFlag(coder: BitCoder, bit: number, salt: number, weightSet: number): number {
    this.work += this.#inputs;
    this.#locate(this.#slotOf, salt);
    return this.#codeBit(coder, bit, weightSet);
  }

  /** Codes a byte, high bit first; `weightSet` is the first of 256. */
  codeByte(coder: BitCoder, byte: number, salt: number, weightSet: number): number {
    this.work += 8 * this.#inputs;
    let seen = 1;
    for (let shift = 7; shift >= 0; shift--) {
      // Sixteen neighbouring slots hold the 15 nodes of half a byte: one cache line.
      if (shift === 7 || shift === 3) this.#locateNodes(salt + seen);
      const node = shift > 3 ? seen : (1 << (3 - shift)) | (seen & ((1 << (3 - shift)) - 1));
      for (let i = 0; i < this.#inputs; i++) this.#slotOf[i] = (this.#base[i] as number) ^ node;
      const bit = this.#codeBit(coder, (byte >>> shift) & 1, weightSet + seen);
      seen = (seen << 1) | bit;
    }
    return seen & 0xff;
  }

  #locate(slots: Int32Array, salt: number): void {
    for (let i = 0; i < this.#inputs; i++) {
      slots[i] = (i << this.#tableBits) + (this.#hash(i, salt) >>> (32 - this.#tableBits));
    }
  }

  /** Finds each context's sixteen slots; slot 0 tells whose they are, and they are cleared if another's. */
  #locateNodes(salt: number): void {
    const slots = this.#slots;
    for (let i = 0; i < this.#inputs; i++) {
      const hash = this.#hash(i, salt);
      const first = (i << this.#tableBits) + ((hash >>> (32 - this.#tableBits)) & ~15);
      const owner = Math.imul(hash, 0x2545f491) >>> 8;
      if (slots[first] !== owner) {
        slots.fill(FRESH, first + 1, first + 16);
        slots[first] = owner;
      }
      this.#base[i] = first;
    }
  }

  #hash(input: number, salt: number): number {
    const sum = (this.contexts[input] as number) + Math.imul(salt, 0x2c1b3c6d);
    const hash = Math.imul(sum, HASH_MULTIPLIER);
    return Math.imul(hash ^ (hash >>> 15), 0x85ebca6b);
  }

  #codeBit(coder: BitCoder, bit: number, weightSet: number): number {
    const inputs = this.#inputs;
    const slots = this.#slots;
    const slotOf = this.#slotOf;
    const stretched = this.#stretched;
    const weights = this.#weights;
    const firstWeight = weightSet * inputs;
    let dot = 0;
    for (let i = 0; i < inputs; i++) {
      const odds = STRETCH[(slots[slotOf[i] as number] as number) >>> 20] as number;
      stretched[i] = odds;
      dot += (odds * (weights[firstWeight + i] as number)) >> 8;
    }
    dot >>= 8;
    const clamped = dot > 2047 ? 2047 : dot < -2047 ? -2047 : dot;
    const p1 = SQUASH[clamped + 2048] as number;
    const coded = coder.code(bit, p1);
    this.#learn(coded, p1, firstWeight);
    return coded;
  }

  #learn(bit: number, p1: number, firstWeight: number): void {
    const slots = this.#slots;
    const slotOf = this.#slotOf;
    const stretched = this.#stretched;
    const weights = this.#weights;
    const rates = this.#rates;
    const limit = this.#countLimit;
    const error = ((bit << 16) - p1) * this.#learningRate;
    const goal = bit === 1 ? 4194303 : 0;
    for (let i = 0; i < this.#inputs; i++) {
      const w = firstWeight + i;
      const step = ((stretched[i] as number) * (error >> 6) + 0x2000) >> 14;
      const weight = (weights[w] as number) + step;
      weights[w] = weight > MAX_WEIGHT ? MAX_WEIGHT : weight < -MAX_WEIGHT ? -MAX_WEIGHT : weight;
      const at = slotOf[i] as number;
      const slot = slots[at] as number;
      const count = slot & 1023;
      const p = slot >>> 10;
      const moved = p + ((((goal - p) >> 6) * (rates[count] as number)) >> 8);
      slots[at] = (((moved < 0 ? 0 : moved) << 10) | (count < limit ? count + 1 : count)) >>> 0;
    }
  }
}

/** Folds one more value into a context hash. */
export function hashStep(hash: number, value: number): number {
  return (Math.imul(hash ^ value, 0x01000193) + 0x7ed55d16) | 0;
}
