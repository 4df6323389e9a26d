export const WIRE_VARINT = 0;
export const WIRE_FIXED64 = 1;
export const WIRE_BYTES = 2;
export const WIRE_FIXED32 = 5;

const MAX_VARINT_BYTES = 10;
/** Field numbers end at 2^29 - 1, so a tag is at most 32 bits and takes five bytes. */
const MAX_TAG_BYTES = 5;
const MAX_FIELD_NUMBER = 2 ** 29 - 1;

export class WireError extends Error {
  override readonly name = 'WireError';
}

/**
 * How many fields may still be read of one request. A field takes two bytes, so a small request could
 * hold millions, and walking them would hold the process.
 */
export interface FieldBudget {
  left: number;
}

/** Telemetry has more than four bytes a field, and a small request may be as dense as it likes. */
export function fieldBudget(requestBytes: number): FieldBudget {
  return { left: 50_000 + requestBytes / 4 };
}

/**
 * Walks one message of the protobuf wire format (protobuf.dev, "Encoding") between two positions and
 * tells where fields lie; it decodes none. Throws WireError when the bytes are no protobuf.
 */
export class WireCursor {
  readonly bytes: Uint8Array;
  /** Where the message itself lies. */
  from: number;
  to: number;
  readonly #budget: FieldBudget;
  #at: number;
  /** Of the current field: its number and wire type, where its tag starts and where its content lies. */
  number = 0;
  wireType = 0;
  tagStart = 0;
  start = 0;
  end = 0;

  constructor(bytes: Uint8Array, start: number, end: number, budget: FieldBudget) {
    this.bytes = bytes;
    this.#at = start;
    this.from = start;
    this.to = end;
    this.#budget = budget;
  }

  /** Moves to the next field; false at the end of the message. */
  next(): boolean {
    if (this.#at >= this.to) return false;
    this.#budget.left -= 1;
    if (this.#budget.left < 0) throw new WireError('more fields than any request needs');
    this.tagStart = this.#at;
    const tag = this.#varint(MAX_TAG_BYTES);
    this.number = Math.floor(tag / 8);
    this.wireType = tag % 8;
    if (this.number < 1 || this.number > MAX_FIELD_NUMBER) {
      throw new WireError(`field number ${this.number} at byte ${this.tagStart}`);
    }
    this.#findContent();
    if (this.end > this.to) {
      throw new WireError(`field ${this.number} ends ${this.end - this.to} bytes past its message`);
    }
    this.#at = this.end;
    return true;
  }

  /** The message in the current field. */
  message(): WireCursor {
    this.expectBytes();
    return new WireCursor(this.bytes, this.start, this.end, this.#budget);
  }

  /** Starts over on the message in the current field of `outer`, a cursor of the same request. */
  enter(outer: WireCursor): this {
    outer.expectBytes();
    this.#at = outer.start;
    this.from = outer.start;
    this.to = outer.end;
    return this;
  }

  expectBytes(): void {
    if (this.wireType !== WIRE_BYTES) {
      throw new WireError(`field ${this.number} has wire type ${this.wireType}`);
    }
  }

  #findContent(): void {
    this.start = this.#at;
    switch (this.wireType) {
      case WIRE_VARINT:
        this.#varint(MAX_VARINT_BYTES);
        this.end = this.#at;
        return;
      case WIRE_FIXED64:
        this.end = this.#at + 8;
        return;
      case WIRE_FIXED32:
        this.end = this.#at + 4;
        return;
      case WIRE_BYTES: {
        const length = this.#varint(MAX_VARINT_BYTES);
        this.start = this.#at;
        this.end = this.#at + length;
        return;
      }
      default:
        // Groups (3 and 4) are deprecated and OTLP has none.
        throw new WireError(`wire type ${this.wireType} at byte ${this.tagStart}`);
    }
  }

  /** Above 2^53 the value is rounded, which no length within memory and no tag can reach. */
  #varint(maxBytes: number): number {
    let value = 0;
    let factor = 1;
    for (let count = 0; count < maxBytes; count += 1) {
      const byte = this.#at < this.to ? this.bytes[this.#at] : undefined;
      if (byte === undefined) throw new WireError('the message ends within a number');
      this.#at += 1;
      if (byte < 0x80) return value + byte * factor;
      value += (byte & 0x7f) * factor;
      factor *= 128;
    }
    throw new WireError(`a number before byte ${this.#at} has more than ${maxBytes} bytes`);
  }
}
