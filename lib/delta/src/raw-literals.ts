import { zstdCompressSync } from 'node:zlib';
import { DeltaError } from './delta-error.ts';

/** Below this size a block's literals are modelled whatever they are. */
const MIN_BYTES = 1024;

/**
 * The literals of a block that no model makes smaller (compressed or encrypted content): stored as
 * they are, they cost the device no time.
 */
export class RawLiterals {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  take(length: number): Uint8Array {
    const end = this.#at + length;
    if (end > this.#bytes.length) {
      throw new DeltaError('corrupt', 'a block takes more raw literals than it has');
    }
    const part = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return part;
  }

  /** Every byte must have been taken. */
  finish(): void {
    if (this.#at < this.#bytes.length) {
      throw new DeltaError('corrupt', 'a block has raw literals left over');
    }
  }
}

/** Whether a quick compressor, too, gains nothing on these bytes. */
export function isIncompressible(literals: Uint8Array): boolean {
  return literals.length >= MIN_BYTES && zstdCompressSync(literals).length > literals.length * 0.97;
}
