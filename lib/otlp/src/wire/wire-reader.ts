import { isUtf8 } from 'node:buffer';
import { DecodeError } from './decode-error.ts';

export const WIRE_VARINT = 0;
export const WIRE_FIXED64 = 1;
export const WIRE_BYTES = 2;
export const WIRE_FIXED32 = 5;

/** Above this, messages inside messages are an attack, not telemetry (protobuf's own default is 100). */
export const MAX_DEPTH = 64;

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
/** Up to here a loop beats the call into native code. */
const SHORT_TEXT = 48;
const TWO_32 = 0x1_0000_0000;

/**
 * Reads the protobuf wire format (protobuf.dev, "Encoding") field by field over a bounded slice of
 * bytes. A message is walked by `next()`, then one typed read or `skip()`. Throws DecodeError only.
 *
 * Nested messages come as readers of their own (`message`), or in place (`enter`, `leave`), which
 * allocates nothing. `span` and `text` tell where bytes are rather than copy them.
 */
export class WireReader {
  /** What is read; spans are places in it. */
  readonly source: Uint8Array;
  readonly #view: DataView;
  #end: number;
  #depth: number;
  #at: number;
  #field = 0;
  #wireType = 0;
  /** Halves of the last varint or fixed64. */
  #low = 0;
  #high = 0;
  #spanLength = 0;

  constructor(bytes: Uint8Array, start = 0, end = bytes.length, depth = 0, view?: DataView) {
    if (depth > MAX_DEPTH) throw tooDeep();
    this.source = bytes;
    this.#view = view ?? new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#at = start;
    this.#end = end;
    this.#depth = depth;
  }

  /** Number of the next field, or 0 at the message's end. */
  next(): number {
    const at = this.#at;
    if (at >= this.#end) return 0;
    const first = this.source[at] ?? 0;
    if (first < 0x80) {
      this.#at = at + 1;
      this.#wireType = first & 7;
      this.#field = first >>> 3;
    } else {
      this.#varint();
      this.#wireType = this.#low & 7;
      this.#field = this.#low >>> 3;
      if (this.#high !== 0) this.#field = Infinity;
    }
    if (this.#field < 1 || this.#field > 0x1fffffff) {
      throw new DecodeError('field_number_invalid', `field number ${this.#field}`);
    }
    return this.#field;
  }

  /** Bytes of this message from the current position on. */
  get remainingBytes(): number {
    return this.#end - this.#at;
  }

  /** Place in `source` of what comes next; `seek` returns to it, within the same message. */
  get position(): number {
    return this.#at;
  }

  seek(position: number): void {
    this.#at = position;
  }

  /** Length of the last `span` or `text`. */
  get spanLength(): number {
    return this.#spanLength;
  }

  /** Halves of the last 64-bit read by `varint` or `fixed64Halves`, both unsigned. */
  get low(): number {
    return this.#low;
  }

  get high(): number {
    return this.#high;
  }

  /** Reads a varint into `low` and `high`. */
  varint(): void {
    this.#expect(WIRE_VARINT);
    this.#varint();
  }

  /** Reads 8 bytes into `low` and `high`. */
  fixed64Halves(): void {
    this.#expect(WIRE_FIXED64);
    const at = this.#advance(8);
    this.#low = this.#view.getUint32(at, true);
    this.#high = this.#view.getUint32(at + 4, true);
  }

  uint64(): bigint {
    this.varint();
    return this.#big();
  }

  int64(): bigint {
    return BigInt.asIntN(64, this.uint64());
  }

  uint32(): number {
    this.varint();
    return this.#low;
  }

  int32(): number {
    this.varint();
    return this.#low | 0;
  }

  /** ZigZag, protobuf.dev "Signed Integers". */
  sint32(): number {
    const n = this.uint32();
    return (n >>> 1) ^ -(n & 1);
  }

  bool(): boolean {
    this.varint();
    return this.#low !== 0 || this.#high !== 0;
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
    const start = this.span();
    return this.source.subarray(start, start + this.#spanLength);
  }

  string(): string {
    const bytes = this.bytes();
    try {
      return utf8.decode(bytes);
    } catch (cause) {
      throw new DecodeError('utf8_invalid', `field ${this.#field} is not UTF-8`, { cause });
    }
  }

  /** Start of the bytes in this field; their number is `spanLength`. */
  span(): number {
    this.#expect(WIRE_BYTES);
    const length = this.#length();
    this.#spanLength = length;
    const start = this.#at;
    this.#at = start + length;
    return start;
  }

  /** As `span`, of text: throws unless it is UTF-8. */
  text(): number {
    const start = this.span();
    if (!isText(this.source, start, this.#spanLength)) {
      throw new DecodeError('utf8_invalid', `field ${this.#field} is not UTF-8`);
    }
    return start;
  }

  /** The nested message in this field. */
  message(): WireReader {
    const start = this.span();
    const end = start + this.#spanLength;
    return new WireReader(this.source, start, end, this.#depth + 1, this.#view);
  }

  /** Goes into the message in this field; give what it returns to `leave`. */
  enter(): number {
    this.#expect(WIRE_BYTES);
    const length = this.#length();
    if (this.#depth >= MAX_DEPTH) throw tooDeep();
    const outerEnd = this.#end;
    this.#depth += 1;
    this.#end = this.#at + length;
    return outerEnd;
  }

  /** Comes out behind the message that `enter` went into. */
  leave(outerEnd: number): void {
    this.#at = this.#end;
    this.#end = outerEnd;
    this.#depth -= 1;
  }

  /** A repeated 8-byte field: packed, or one element as old writers send it. */
  repeatedFixed64<T>(into: T[], read: (view: DataView, offset: number) => T): void {
    const start = this.fixed64Span();
    const end = start + this.#spanLength;
    for (let at = start; at < end; at += 8) into.push(read(this.#view, at));
  }

  /** As `span`, of a repeated 8-byte field, packed or single. */
  fixed64Span(): number {
    if (this.#wireType === WIRE_FIXED64) {
      this.#spanLength = 8;
      return this.#advance(8);
    }
    const start = this.span();
    if (this.#spanLength % 8 !== 0) {
      throw new DecodeError(
        'packed_length_invalid',
        `${this.#spanLength} bytes hold no 8-byte values`,
      );
    }
    return start;
  }

  /** A repeated varint field, packed or single. */
  repeatedUint64(into: bigint[]): void {
    this.eachVarint(() => into.push(this.#big()));
  }

  /** Reads each varint of a repeated field, packed or single, into `low` and `high`. */
  eachVarint(take: () => void): void {
    if (this.#wireType === WIRE_VARINT) {
      this.#varint();
      take();
      return;
    }
    const outerEnd = this.enter();
    while (this.#at < this.#end) {
      this.#varint();
      take();
    }
    this.leave(outerEnd);
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
    if (this.#wireType !== wireType) throw this.#unexpected(wireType);
  }

  #unexpected(wireType: number): DecodeError {
    return new DecodeError(
      'wire_type_unexpected',
      `field ${this.#field} has wire type ${this.#wireType}, not ${wireType}`,
    );
  }

  #length(): number {
    const at = this.#at;
    let length = at < this.#end ? (this.source[at] ?? 0x80) : 0x80;
    if (length < 0x80) this.#at = at + 1;
    else {
      this.#varint();
      length = this.#high === 0 ? this.#low : this.#high * TWO_32 + this.#low;
    }
    if (length > this.#end - this.#at) {
      throw new DecodeError('truncated', `field ${this.#field} says ${length} bytes, too many`);
    }
    return length;
  }

  #advance(count: number): number {
    const start = this.#at;
    if (count > this.#end - start) {
      throw new DecodeError('truncated', `the message ends inside field ${this.#field}`);
    }
    this.#at = start + count;
    return start;
  }

  /** Seven bits a byte, least significant first; bits above the 64th are dropped. */
  #varint(): void {
    let low = 0;
    let high = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      if (this.#at >= this.#end) {
        throw new DecodeError('truncated', `the message ends inside a varint`);
      }
      const byte = this.source[this.#at] ?? 0;
      this.#at += 1;
      const bits = byte & 0x7f;
      if (shift < 28) low |= bits << shift;
      else if (shift === 28) {
        low |= bits << 28;
        high = bits >>> 4;
      } else high |= bits << (shift - 32);
      if (byte < 0x80) {
        this.#low = low >>> 0;
        this.#high = high >>> 0;
        return;
      }
    }
    throw new DecodeError('varint_too_long', `a varint of field ${this.#field} has over 10 bytes`);
  }

  #big(): bigint {
    if (this.#high === 0) return BigInt(this.#low);
    return (BigInt(this.#high) << 32n) | BigInt(this.#low);
  }
}

function tooDeep(): DecodeError {
  return new DecodeError('nesting_too_deep', `messages nest deeper than ${MAX_DEPTH}`);
}

function isText(bytes: Uint8Array, start: number, length: number): boolean {
  if (length <= SHORT_TEXT) {
    let seen = 0;
    for (let at = start; at < start + length; at += 1) seen |= bytes[at] ?? 0;
    if (seen < 0x80) return true;
  }
  return isUtf8(bytes.subarray(start, start + length));
}
