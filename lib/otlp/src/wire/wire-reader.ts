import { DecodeError } from './decode-error.ts';

export const WIRE_VARINT = 0;
export const WIRE_FIXED64 = 1;
export const WIRE_BYTES = 2;
export const WIRE_FIXED32 = 5;

/** Above this, messages inside messages are an attack, not telemetry (protobuf's own default is 100). */
export const MAX_DEPTH = 64;

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Reads the protobuf wire format (protobuf.dev, "Encoding") field by field over a bounded slice of
 * bytes. A message is walked by `next()`, then one typed read or `skip()`. Throws DecodeError only.
 */
export class WireReader {
  readonly #view: DataView;
  readonly #bytes: Uint8Array;
  readonly #end: number;
  readonly #depth: number;
  #at: number;
  #field = 0;
  #wireType = 0;

  constructor(bytes: Uint8Array, start = 0, end = bytes.length, depth = 0) {
    if (depth > MAX_DEPTH) {
      throw new DecodeError('nesting_too_deep', `messages nest deeper than ${MAX_DEPTH}`);
    }
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#at = start;
    this.#end = end;
    this.#depth = depth;
  }

  /** Number of the next field, or 0 at the message's end. */
  next(): number {
    if (this.#at >= this.#end) return 0;
    const tag = this.#varint();
    this.#wireType = Number(tag & 7n);
    this.#field = Number(tag >> 3n);
    if (this.#field < 1 || this.#field > 0x1fffffff) {
      throw new DecodeError('field_number_invalid', `field number ${this.#field}`);
    }
    return this.#field;
  }

  /** Bytes of this message from the current position on. */
  get remainingBytes(): number {
    return this.#end - this.#at;
  }

  uint64(): bigint {
    this.#expect(WIRE_VARINT);
    return this.#varint();
  }

  int64(): bigint {
    return BigInt.asIntN(64, this.uint64());
  }

  uint32(): number {
    return Number(BigInt.asUintN(32, this.uint64()));
  }

  int32(): number {
    return Number(BigInt.asIntN(32, this.uint64()));
  }

  /** ZigZag, protobuf.dev "Signed Integers". */
  sint32(): number {
    const n = this.uint32();
    return (n >>> 1) ^ -(n & 1);
  }

  bool(): boolean {
    return this.uint64() !== 0n;
  }

  double(): number {
    this.#expect(WIRE_FIXED64);
    return this.#view.getFloat64(this.#advance(8), true);
  }

  fixed64(): bigint {
    this.#expect(WIRE_FIXED64);
    return this.#view.getBigUint64(this.#advance(8), true);
  }

  sfixed64(): bigint {
    return BigInt.asIntN(64, this.fixed64());
  }

  fixed32(): number {
    this.#expect(WIRE_FIXED32);
    return this.#view.getUint32(this.#advance(4), true);
  }

  bytes(): Uint8Array {
    this.#expect(WIRE_BYTES);
    const length = this.#length();
    const start = this.#advance(length);
    return this.#bytes.subarray(start, start + length);
  }

  string(): string {
    const bytes = this.bytes();
    try {
      return utf8.decode(bytes);
    } catch (cause) {
      throw new DecodeError('utf8_invalid', `field ${this.#field} is not UTF-8`, { cause });
    }
  }

  /** The nested message in this field. */
  message(): WireReader {
    this.#expect(WIRE_BYTES);
    const length = this.#length();
    const start = this.#advance(length);
    return new WireReader(this.#bytes, start, start + length, this.#depth + 1);
  }

  /** A repeated 8-byte field: packed, or one element as old writers send it. */
  repeatedFixed64<T>(into: T[], read: (view: DataView, offset: number) => T): void {
    if (this.#wireType === WIRE_FIXED64) {
      into.push(read(this.#view, this.#advance(8)));
      return;
    }
    this.#expect(WIRE_BYTES);
    const length = this.#length();
    if (length % 8 !== 0) {
      throw new DecodeError('packed_length_invalid', `${length} bytes hold no 8-byte values`);
    }
    const start = this.#advance(length);
    for (let at = start; at < start + length; at += 8) into.push(read(this.#view, at));
  }

  /** A repeated varint field, packed or single. */
  repeatedUint64(into: bigint[]): void {
    if (this.#wireType === WIRE_VARINT) {
      into.push(this.#varint());
      return;
    }
    const inner = this.message();
    while (inner.#at < inner.#end) into.push(inner.#varint());
  }

  skip(): void {
    switch (this.#wireType) {
      case WIRE_VARINT:
        this.#varint();
        return;
      case WIRE_FIXED64:
        this.#advance(8);
        return;
      case WIRE_FIXED32:
        this.#advance(4);
        return;
      case WIRE_BYTES:
        this.#advance(this.#length());
        return;
      default:
        // 3 and 4 are proto2 groups, which OTLP never had; 6 and 7 are unassigned.
        throw new DecodeError('wire_type_invalid', `wire type ${this.#wireType}`);
    }
  }

  #expect(wireType: number): void {
    if (this.#wireType !== wireType) {
      throw new DecodeError(
        'wire_type_unexpected',
        `field ${this.#field} has wire type ${this.#wireType}, not ${wireType}`,
      );
    }
  }

  #length(): number {
    const length = this.#varint();
    if (length > BigInt(this.#end - this.#at)) {
      throw new DecodeError('truncated', `field ${this.#field} says ${length} bytes, too many`);
    }
    return Number(length);
  }

  #advance(count: number): number {
    const start = this.#at;
    if (count > this.#end - start) {
      throw new DecodeError('truncated', `the message ends inside field ${this.#field}`);
    }
    this.#at = start + count;
    return start;
  }

  #varint(): bigint {
    let low = 0;
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = this.#byte();
      low |= (byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt(low);
    }
    let value = BigInt(low);
    for (let shift = 28n; shift < 70n; shift += 7n) {
      const byte = this.#byte();
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asUintN(64, value);
    }
    throw new DecodeError('varint_too_long', `a varint of field ${this.#field} has over 10 bytes`);
  }

  #byte(): number {
    const byte = this.#at < this.#end ? this.#bytes[this.#at] : undefined;
    if (byte === undefined) {
      throw new DecodeError('truncated', `the message ends inside a varint`);
    }
    this.#at += 1;
    return byte;
  }
}
