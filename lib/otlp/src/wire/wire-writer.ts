import { WIRE_BYTES, WIRE_FIXED32, WIRE_FIXED64, WIRE_VARINT } from './wire-reader.ts';

const MAX_VARINT_BYTES = 10;
const TWO_POW_28 = 2 ** 28;

/**
 * Writes the protobuf wire format (protobuf.dev, "Encoding") into one buffer that grows. Fields
 * come out in the order of the calls; defaults are written like any other value, so a caller leaves
 * out what proto3 leaves out. A nested message is `begin`, its fields, `end`.
 */
export class WireWriter {
  #buffer: Buffer;
  #at = 0;

  constructor(initialBytes = 1024) {
    this.#buffer = Buffer.allocUnsafeSlow(Math.max(16, initialBytes));
  }

  /** Bytes written so far, messages still open included. */
  get sizeBytes(): number {
    return this.#at;
  }

  /** uint32, uint64 and enums; a number must be an integer from 0 to 2^53 − 1. */
  uint64(field: number, value: number | bigint): void {
    this.#tag(field, WIRE_VARINT);
    this.#varint(value);
  }

  /** int32 and int64: negative values take ten bytes in two's complement. */
  int64(field: number, value: number | bigint): void {
    this.uint64(field, value < 0 ? BigInt.asUintN(64, BigInt(value)) : value);
  }

  /** ZigZag of a 32-bit integer, protobuf.dev "Signed Integers". */
  sint32(field: number, value: number): void {
    this.uint64(field, ((value << 1) ^ (value >> 31)) >>> 0);
  }

  bool(field: number, value: boolean): void {
    this.uint64(field, value ? 1 : 0);
  }

  fixed32(field: number, value: number): void {
    this.#tag(field, WIRE_FIXED32);
    this.#reserve(4);
    this.#at = this.#buffer.writeUInt32LE(value, this.#at);
  }

  fixed64(field: number, value: bigint): void {
    this.#tag(field, WIRE_FIXED64);
    this.packedFixed64(value);
  }

  sfixed64(field: number, value: bigint): void {
    this.fixed64(field, BigInt.asUintN(64, value));
  }

  double(field: number, value: number): void {
    this.#tag(field, WIRE_FIXED64);
    this.packedDouble(value);
  }

  bytes(field: number, value: Uint8Array): void {
    this.#tag(field, WIRE_BYTES);
    this.#varint(value.length);
    this.raw(value);
  }

  /** UTF-8; a lone surrogate becomes U+FFFD. */
  string(field: number, value: string): void {
    this.#tag(field, WIRE_BYTES);
    // A UTF-16 unit takes three bytes at most, so a short text has a length of one byte for sure.
    if (value.length * 3 < 0x80) {
      this.#reserve(value.length * 3 + 1);
      const length = this.#buffer.write(value, this.#at + 1, 'utf8');
      this.#buffer[this.#at] = length;
      this.#at += 1 + length;
      return;
    }
    const length = Buffer.byteLength(value, 'utf8');
    this.#varint(length);
    this.#reserve(length);
    this.#at += this.#buffer.write(value, this.#at, 'utf8');
  }

  /** Opens a nested message or a packed field; pass what it returns to `end`. */
  begin(field: number): number {
    this.#tag(field, WIRE_BYTES);
    this.#reserve(1);
    this.#at += 1;
    return this.#at;
  }

  /** Writes the length before the content; one byte is kept free for it, a longer one moves the content. */
  end(mark: number): void {
    const length = this.#at - mark;
    if (length < 0x80) {
      this.#buffer[mark - 1] = length;
      return;
    }
    const extra = varintBytes(length) - 1;
    this.#reserve(extra);
    this.#buffer.copyWithin(mark + extra, mark, this.#at);
    this.#at = mark - 1;
    this.#varint(length);
    this.#at += length;
  }

  /** One element of an open packed field. */
  packedUint64(value: number | bigint): void {
    this.#varint(value);
  }

  packedFixed64(value: bigint): void {
    this.#reserve(8);
    this.#at = this.#buffer.writeBigUInt64LE(value, this.#at);
  }

  packedDouble(value: number): void {
    this.#reserve(8);
    this.#at = this.#buffer.writeDoubleLE(value, this.#at);
  }

  /** Fields that are encoded already. */
  raw(encoded: Uint8Array): void {
    this.#reserve(encoded.length);
    this.#buffer.set(encoded, this.#at);
    this.#at += encoded.length;
  }

  /** A copy of what was written; the writer is empty afterwards and keeps its buffer. */
  finish(): Buffer {
    const message = Buffer.allocUnsafeSlow(this.#at);
    this.#buffer.copy(message, 0, 0, this.#at);
    this.#at = 0;
    return message;
  }

  #tag(field: number, wireType: number): void {
    this.#varint(field * 8 + wireType);
  }

  #varint(value: number | bigint): void {
    this.#reserve(MAX_VARINT_BYTES);
    if (typeof value === 'bigint') {
      this.#bigVarint(value);
      return;
    }
    let rest = value;
    // Bit operations are for 32 bits, so the part above goes by division.
    while (rest >= TWO_POW_28) {
      this.#buffer[this.#at++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    while (rest > 0x7f) {
      this.#buffer[this.#at++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.#buffer[this.#at++] = rest;
  }

  #bigVarint(value: bigint): void {
    let rest = value;
    while (rest > 0x7fn) {
      this.#buffer[this.#at++] = Number(rest & 0x7fn) | 0x80;
      rest >>= 7n;
    }
    this.#buffer[this.#at++] = Number(rest);
  }

  #reserve(count: number): void {
    const needed = this.#at + count;
    if (needed <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.#buffer.length * 2));
    this.#buffer.copy(larger, 0, 0, this.#at);
    this.#buffer = larger;
  }
}

function varintBytes(value: number): number {
  let bytes = 1;
  for (let rest = value; rest > 0x7f; rest = Math.floor(rest / 0x80)) bytes += 1;
  return bytes;
}
