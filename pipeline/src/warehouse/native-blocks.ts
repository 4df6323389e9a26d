import { nativeLayout, type NativeLayout } from './native-type.ts';

/** From this revision of ClickHouse's protocol on, each column says whether its serialisation is custom. */
const CUSTOM_SERIALISATION_REVISION = 54_454;
/** Field 1: no overflow row; field 2: bucket -1; end of the fields. */
const BLOCK_INFO = Buffer.from([1, 0, 2, 0xff, 0xff, 0xff, 0xff, 0]);
const DEFAULT_SERIALISATION = Buffer.from([0]);

/** Bits of a LowCardinality column's index type; the low byte is the width of an index. */
const NEEDS_GLOBAL_DICTIONARY = 1n << 8n;
const HAS_ADDITIONAL_KEYS = 1n << 9n;

/**
 * Native blocks as a client of protocol `revision` reads them. The embedded engine writes them in the form
 * of revision 0, whoever asks; ClickHouse's server writes what `client_protocol_version` of the request
 * says: block information first, a marker in each column. Throws UnknownNativeTypeError.
 */
export function nativeForRevision(blocks: Buffer, revision: number): Buffer {
  if (revision <= 0) return blocks;
  const reader = new BlockReader(blocks);
  const parts: Buffer[] = [];
  const take = (from: number) => parts.push(blocks.subarray(from, reader.at));
  while (reader.at < blocks.length) {
    parts.push(BLOCK_INFO);
    const head = reader.at;
    const columns = reader.varint();
    const rows = reader.varint();
    take(head);
    for (let column = 0; column < columns; column += 1) {
      const name = reader.at;
      reader.text();
      const layout = nativeLayout(reader.text());
      take(name);
      if (revision >= CUSTOM_SERIALISATION_REVISION) parts.push(DEFAULT_SERIALISATION);
      const data = reader.at;
      if (rows > 0) {
        reader.skipPrefix(layout);
        reader.skipData(layout, rows);
      }
      take(data);
    }
  }
  return Buffer.concat(parts);
}

class BlockReader {
  at = 0;
  readonly #bytes: Buffer;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /** Lengths and counts: far below 2^53. */
  varint(): number {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = this.#bytes.readUInt8(this.at++);
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
    }
  }

  text(): string {
    const sizeBytes = this.varint();
    return this.#bytes.toString('utf8', this.at, this.#skip(sizeBytes));
  }

  /** What stands before a column's data: the version of each dictionary in it. */
  skipPrefix(layout: NativeLayout): void {
    if (layout.kind === 'lowCardinality') this.#skip(8);
    else if (layout.kind === 'tuple') layout.elements.forEach((inner) => this.skipPrefix(inner));
    else if ('inner' in layout) this.skipPrefix(layout.inner);
  }

  skipData(layout: NativeLayout, rows: number): void {
    switch (layout.kind) {
      case 'fixed':
        this.#skip(rows * layout.sizeBytes);
        break;
      case 'string':
        for (let row = 0; row < rows; row += 1) this.#skip(this.varint());
        break;
      case 'nullable':
        this.#skip(rows);
        this.skipData(layout.inner, rows);
        break;
      case 'array':
        if (rows > 0) this.skipData(layout.inner, this.#lastOffset(rows));
        break;
      case 'tuple':
        for (const element of layout.elements) this.skipData(element, rows);
        break;
      case 'lowCardinality':
        if (rows > 0) this.#skipDictionary(layout.dictionary);
    }
  }

  /** Offsets run on over the block's rows, so the last one counts all elements. */
  #lastOffset(rows: number): number {
    return Number(this.#bytes.readBigUInt64LE(this.#skip(rows * 8) - 8));
  }

  #skipDictionary(dictionary: NativeLayout): void {
    const indexType = this.#uint64();
    if ((indexType & NEEDS_GLOBAL_DICTIONARY) !== 0n) {
      this.skipData(dictionary, Number(this.#uint64()));
    }
    if ((indexType & HAS_ADDITIONAL_KEYS) !== 0n) {
      this.skipData(dictionary, Number(this.#uint64()));
    }
    this.#skip(Number(this.#uint64()) << Number(indexType & 0xffn));
  }

  #uint64(): bigint {
    return this.#bytes.readBigUInt64LE(this.#skip(8) - 8);
  }

  /** Returns the place behind. */
  #skip(sizeBytes: number): number {
    this.at += sizeBytes;
    if (this.at > this.#bytes.length) throw new RangeError('a Native block ends too early');
    return this.at;
  }
}
