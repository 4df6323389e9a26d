import { DeltaError } from './delta-error.ts';

/**
 * A carry-less binary arithmetic coder (32-bit range, 16-bit probabilities). Encoder and decoder
 * share one shape, so the models are written once: the decoder ignores the bit it is given.
 */
export interface BitCoder {
  /** True when `code` returns bits it has read. */
  readonly decoding: boolean;
  /** Codes one bit whose chance of being 1 is p1 / 65536 (0 < p1 < 65536); returns the bit. */
  code(bit: number, p1: number): number;
}

export class BitEncoder implements BitCoder {
  readonly decoding = false;
  #low = 0;
  #high = 0xffffffff;
  #bytes = new Uint8Array(1 << 16);
  #size = 0;

  code(bit: number, p1: number): number {
    const middle = split(this.#low, this.#high, p1);
    if (bit === 1) this.#high = middle;
    else this.#low = middle + 1;
    while (((this.#low ^ this.#high) & 0xff000000) === 0) {
      this.#push(this.#high >>> 24);
      this.#low = (this.#low << 8) >>> 0;
      this.#high = ((this.#high << 8) | 0xff) >>> 0;
    }
    return bit;
  }

  /** Bytes coded since the last `finish`, but for the last few. */
  get sizeBytes(): number {
    return this.#size;
  }

  /** Ends the block: the bytes coded since the last call. The coder starts anew, the models do not. */
  finish(): Uint8Array {
    // Any number between low and high will do; zero bytes are read past the end, so take the
    // shortest one.
    for (let bytes = 1; bytes <= 4; bytes++) {
      const unit = 2 ** (32 - 8 * bytes);
      const value = Math.ceil(this.#low / unit) * unit;
      if (value > this.#high) continue;
      for (let i = 0; i < bytes; i++) this.#push(Math.floor(value / 2 ** (24 - 8 * i)) & 0xff);
      break;
    }
    while (this.#size > 0 && this.#bytes[this.#size - 1] === 0) this.#size--;
    const block = this.#bytes.slice(0, this.#size);
    this.#low = 0;
    this.#high = 0xffffffff;
    this.#size = 0;
    return block;
  }

  #push(byte: number): void {
    if (this.#size === this.#bytes.length) {
      const grown = new Uint8Array(this.#size * 2);
      grown.set(this.#bytes);
      this.#bytes = grown;
    }
    this.#bytes[this.#size++] = byte;
  }
}

export class BitDecoder implements BitCoder {
  readonly decoding = true;
  #low = 0;
  #high = 0xffffffff;
  #value = 0;
  #bytes: Uint8Array = new Uint8Array(0);
  #next = 0;

  start(block: Uint8Array): void {
    this.#bytes = block;
    this.#next = 0;
    this.#low = 0;
    this.#high = 0xffffffff;
    this.#value = 0;
    for (let i = 0; i < 4; i++) this.#value = ((this.#value << 8) | this.#pull()) >>> 0;
  }

  code(_bit: number, p1: number): number {
    const middle = split(this.#low, this.#high, p1);
    const bit = this.#value <= middle ? 1 : 0;
    if (bit === 1) this.#high = middle;
    else this.#low = middle + 1;
    while (((this.#low ^ this.#high) & 0xff000000) === 0) {
      this.#low = (this.#low << 8) >>> 0;
      this.#high = ((this.#high << 8) | 0xff) >>> 0;
      this.#value = ((this.#value << 8) | this.#pull()) >>> 0;
    }
    return bit;
  }

  /** Every byte of a block is needed by its bits: leftovers mean that it is not what was encoded. */
  finish(): void {
    if (this.#next < this.#bytes.length) {
      throw new DeltaError('corrupt', 'a block has bytes left over after its last bit');
    }
  }

  /** Past the end there are zeros: an encoder drops those that close a block. */
  #pull(): number {
    const at = this.#next++;
    return at < this.#bytes.length ? (this.#bytes[at] as number) : 0;
  }
}

function split(low: number, high: number, p1: number): number {
  const range = high - low;
  return low + (range >>> 16) * p1 + (((range & 0xffff) * p1) >>> 16);
}
