import { DeltaError } from './delta-error.ts';

/** Takes a patch in pieces of any size and gives it back in pieces of the asked size. */
export class PatchReader {
  readonly #source: AsyncIterator<Uint8Array>;
  #piece: Uint8Array = new Uint8Array(0);
  /** Bytes of patch given out or skipped. */
  offset = 0;

  constructor(patch: AsyncIterable<Uint8Array>) {
    this.#source = patch[Symbol.asyncIterator]();
  }

  /** Throws DeltaError 'truncated' when the patch ends before. */
  async take(length: number): Promise<Uint8Array> {
    if (this.#piece.length >= length) return this.#cut(length);
    const bytes = await this.takeUpTo(length);
    if (bytes.length < length) {
      throw new DeltaError('truncated', 'the patch ends before its last block');
    }
    return bytes;
  }

  /** Fewer bytes only at the patch's end. */
  async takeUpTo(length: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(length);
    let filled = 0;
    while (filled < length && (await this.#more())) {
      const part = this.#cut(Math.min(length - filled, this.#piece.length));
      bytes.set(part, filled);
      filled += part.length;
    }
    return bytes.subarray(0, filled);
  }

  async skip(length: number): Promise<void> {
    for (let left = length; left > 0;) {
      if (!(await this.#more())) throw new DeltaError('truncated', 'the patch ends within a block');
      left -= this.#cut(Math.min(left, this.#piece.length)).length;
    }
  }

  async expectEnd(): Promise<void> {
    if (await this.#more()) throw new DeltaError('corrupt', 'bytes follow the last block');
  }

  /** Lets the source go, read to its end or not. */
  async close(): Promise<void> {
    await this.#source.return?.();
  }

  async #more(): Promise<boolean> {
    while (this.#piece.length === 0) {
      const next = await this.#source.next();
      if (next.done === true) return false;
      this.#piece = next.value;
    }
    return true;
  }

  #cut(length: number): Uint8Array {
    const part = this.#piece.subarray(0, length);
    this.#piece = this.#piece.subarray(length);
    this.offset += length;
    return part;
  }
}
