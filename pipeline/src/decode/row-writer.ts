const FIRST_BYTES = 64 * 1024;
/** Up to here a loop beats the call into native code. */
const SHORT_COPY = 40;
const HEX = Uint8Array.from(Buffer.from('0123456789abcdef'));

/**
 * Growing bytes in ClickHouse's RowBinary: little-endian numbers, lengths as LEB128
 * (clickhouse.com/docs, "RowBinary"). Values may be written out of order into a `fixed` part.
 */
export class RowWriter {
  #bytes: Buffer;
  #view: DataView;
  #at = 0;

  constructor(firstBytes = FIRST_BYTES) {
    this.#bytes = Buffer.allocUnsafe(firstBytes);
    this.#view = new DataView(this.#bytes.buffer, this.#bytes.byteOffset, this.#bytes.byteLength);
  }

  /** Bytes written. */
  get length(): number {
    return this.#at;
  }

  /** What was written; shares memory, so it is valid until the next write. */
  written(from = 0): Buffer {
    return this.#bytes.subarray(from, this.#at);
  }

  truncate(length: number): void {
    this.#at = length;
  }

  /** Makes room for `bytes`, all zero, to be filled by the `…At` writes; returns where. */
  fixed(bytes: number): number {
    this.#reserve(bytes);
    const start = this.#at;
    this.#at = start + bytes;
    for (let at = start; at < this.#at; at += 1) this.#bytes[at] = 0;
    return start;
  }

  uint8At(at: number, value: number): void {
    this.#bytes[at] = value;
  }

  uint32At(at: number, value: number): void {
    this.#view.setUint32(at, value, true);
  }

  /** A 64-bit value given as two unsigned halves. */
  uint64At(at: number, low: number, high: number): void {
    this.#view.setUint32(at, low, true);
    this.#view.setUint32(at + 4, high, true);
  }

  float64At(at: number, value: number): void {
    this.#view.setFloat64(at, value, true);
  }

  uint32(value: number): void {
    this.#reserve(4);
    this.#view.setUint32(this.#at, value, true);
    this.#at += 4;
  }

  uint64(low: number, high: number): void {
    this.#reserve(8);
    this.uint64At(this.#at, low, high);
    this.#at += 8;
  }

  float64(value: number): void {
    this.#reserve(8);
    this.#view.setFloat64(this.#at, value, true);
    this.#at += 8;
  }

  uint8(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#at] = value;
    this.#at += 1;
  }

  varUint(value: number): void {
    this.#reserve(10);
    let rest = value;
    for (; rest > 0x7f; rest = Math.floor(rest / 128)) {
      this.#bytes[this.#at] = (rest % 128) | 0x80;
      this.#at += 1;
    }
    this.#bytes[this.#at] = rest;
    this.#at += 1;
  }

  /** `length` bytes of `source` from `start`, as they are. */
  raw(source: Uint8Array, start: number, length: number): void {
    this.#reserve(length);
    if (length <= SHORT_COPY) {
      const bytes = this.#bytes;
      const to = this.#at;
      for (let i = 0; i < length; i += 1) bytes[to + i] = source[start + i] ?? 0;
    } else this.#bytes.set(source.subarray(start, start + length), this.#at);
    this.#at += length;
  }

  /** All of `source`, as it is. */
  block(source: Uint8Array): void {
    this.#reserve(source.length);
    this.#bytes.set(source, this.#at);
    this.#at += source.length;
  }

  /** A String value out of UTF-8 bytes. */
  bytesText(source: Uint8Array, start: number, length: number): void {
    this.varUint(length);
    this.raw(source, start, length);
  }

  text(value: string): void {
    const bytes = Buffer.byteLength(value);
    this.varUint(bytes);
    this.#reserve(bytes);
    this.#at += this.#bytes.write(value, this.#at);
  }

  /** A String value: bytes as lower-case hex digits. */
  hexText(source: Uint8Array, start: number, length: number): void {
    this.varUint(length * 2);
    this.#reserve(length * 2);
    for (let i = start; i < start + length; i += 1) {
      const byte = source[i] ?? 0;
      this.#bytes[this.#at] = HEX[byte >> 4] ?? 0;
      this.#bytes[this.#at + 1] = HEX[byte & 15] ?? 0;
      this.#at += 2;
    }
  }

  #reserve(bytes: number): void {
    const needed = this.#at + bytes;
    if (needed <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafe(Math.max(needed, this.#bytes.length * 2));
    this.#bytes.copy(grown, 0, 0, this.#at);
    this.#bytes = grown;
    this.#view = new DataView(grown.buffer, grown.byteOffset, grown.byteLength);
  }
}
