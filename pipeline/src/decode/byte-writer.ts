const FIRST_BYTES = 1024;
/** From here on it grows by less at a time. */
const LARGE_BYTES = 128 * 1024;
/** Up to here a loop beats the call into native code. */
const SHORT_COPY = 48;
const HEX = Uint8Array.from(Buffer.from('0123456789abcdef'));

/**
 * Growing bytes as ClickHouse's binary formats have them: little-endian numbers, text behind its length
 * as LEB128 (clickhouse.com/docs, "RowBinary" and "Native").
 */
export class ByteWriter {
  #bytes: Buffer;
  #view: DataView;
  #at = 0;

  constructor(firstBytes = FIRST_BYTES) {
    this.#bytes = Buffer.allocUnsafe(firstBytes);
    this.#view = viewOf(this.#bytes);
  }

  /** Bytes written. */
  get length(): number {
    return this.#at;
  }

  /** What was written; shares memory, so it is valid until the next write. */
  written(from = 0): Buffer {
    return this.#bytes.subarray(from, this.#at);
  }

  /** Whether the bytes from `at` on are those `length` bytes of `source` from `start` on. */
  matches(at: number, source: Uint8Array, start: number, length: number): boolean {
    const bytes = this.#bytes;
    for (let i = 0; i < length; i += 1) if (bytes[at + i] !== source[start + i]) return false;
    return true;
  }

  truncate(length: number): void {
    this.#at = length;
  }

  uint8(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#at] = value;
    this.#at += 1;
  }

  uint32(value: number): void {
    this.#reserve(4);
    this.#view.setUint32(this.#at, value, true);
    this.#at += 4;
  }

  /** A 64-bit value given as two unsigned halves. */
  uint64(low: number, high: number): void {
    this.#reserve(8);
    this.#view.setUint32(this.#at, low, true);
    this.#view.setUint32(this.#at + 4, high, true);
    this.#at += 8;
  }

  float64(value: number): void {
    this.#reserve(8);
    this.#view.setFloat64(this.#at, value, true);
    this.#at += 8;
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

  /** Text out of UTF-8 bytes. */
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

  /** Text: bytes as lower-case hex digits. */
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

  /** Makes the last `length` bytes stand there `times` times; 0 takes them away. */
  repeatTail(length: number, times: number): void {
    if (times === 0) this.#at -= length;
    if (times < 2) return;
    const more = length * (times - 1);
    this.#reserve(more);
    const bytes = this.#bytes;
    const end = this.#at + more;
    if (more <= SHORT_COPY) {
      for (let at = this.#at; at < end; at += 1) bytes[at] = bytes[at - length] ?? 0;
    } else {
      const start = this.#at - length;
      for (let at = this.#at; at < end; at += at - start) {
        bytes.copyWithin(at, start, Math.min(at, start + end - at));
      }
    }
    this.#at = end;
  }

  #reserve(bytes: number): void {
    const needed = this.#at + bytes;
    if (needed <= this.#bytes.length) return;
    const factor = this.#bytes.length < LARGE_BYTES ? 4 : 2;
    const grown = Buffer.allocUnsafe(Math.max(needed, this.#bytes.length * factor));
    this.#bytes.copy(grown, 0, 0, this.#at);
    this.#bytes = grown;
    this.#view = viewOf(grown);
  }
}

function viewOf(bytes: Buffer): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
