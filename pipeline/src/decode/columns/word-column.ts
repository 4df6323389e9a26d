import type { ByteWriter } from '../byte-writer.ts';
import type { Column } from './column.ts';
import { Dictionary } from './dictionary.ts';

const FIRST_ROWS = 256;
/** ClickHouse, SerializationLowCardinality: dictionaries come with the data … */
const KEYS_VERSION = 1;
/** … as additional keys, which are all of the dictionary. */
const HAS_ADDITIONAL_KEYS = 1 << 9;
const NEEDS_UPDATE = 1 << 10;

interface Words {
  readonly dictionary: Dictionary;
  /** By their numbers in it, row by row. */
  readonly words: Uint32Array;
}

/** `LowCardinality(String)`: numbers of words, and a dictionary. */
export class WordColumn implements Column {
  readonly #dictionary: Dictionary;
  #indexes = new Uint32Array(FIRST_ROWS);
  #rowCount = 0;
  #marked = 0;

  constructor(dictionary = new Dictionary()) {
    this.#dictionary = dictionary;
  }

  get rowCount(): number {
    return this.#rowCount;
  }

  get sizeBytes(): number {
    return this.#rowCount;
  }

  get dictionary(): Dictionary {
    return this.#dictionary;
  }

  /** UTF-8 bytes. Returns the word's number. */
  bytesText(source: Uint8Array, start: number, length: number): number {
    const index = this.#dictionary.indexOf(source, start, length);
    this.push(index);
    return index;
  }

  /** A word by its number in the dictionary. */
  push(index: number): void {
    this.#reserve(1);
    this.#indexes[this.#rowCount] = index;
    this.#rowCount += 1;
  }

  indexAt(row: number): number {
    return this.#indexes[row] ?? 0;
  }

  /** Makes the last value stand in `times` rows; 0 takes it away. */
  repeatLast(times: number): void {
    this.repeatRows(1, times);
  }

  /** As `repeatLast`, of the values in the last `rows` rows. */
  repeatRows(rows: number, times: number): void {
    const more = rows * (times - 1);
    this.#reserve(more);
    const end = this.#rowCount + more;
    for (let row = this.#rowCount; row < end; row += 1) {
      this.#indexes[row] = this.#indexes[row - rows] ?? 0;
    }
    this.#rowCount = end;
  }

  mark(): void {
    this.#marked = this.#rowCount;
  }

  /** Words seen meanwhile stay in the dictionary, which is harmless. */
  rollBack(): void {
    this.truncate(this.#marked);
  }

  truncate(rowCount: number): void {
    this.#rowCount = rowCount;
  }

  writePrefix(into: ByteWriter): void {
    into.uint64(KEYS_VERSION, 0);
  }

  writeData(parts: Buffer[], following: readonly this[] = []): void {
    const { dictionary, words } = following.length === 0 ? this.#own() : this.#joined(following);
    if (words.length === 0) return;
    const [type, indexes] = narrowest(words, dictionary.size);
    parts.push(
      numbers(type | HAS_ADDITIONAL_KEYS | NEEDS_UPDATE, dictionary.size),
      dictionary.written(),
      numbers(words.length),
      Buffer.from(indexes.buffer, indexes.byteOffset, indexes.byteLength),
    );
  }

  #own(): Words {
    return { dictionary: this.#dictionary, words: this.#indexes.subarray(0, this.#rowCount) };
  }

  /** One dictionary for all, and each column's words by their numbers in it. */
  #joined(following: readonly this[]): Words {
    const all = [this, ...following];
    const dictionary = new Dictionary();
    const words = new Uint32Array(all.reduce((sum, column) => sum + column.#rowCount, 0));
    let at = 0;
    for (const column of all) {
      const numbersHere = dictionary.addAll(column.#dictionary);
      for (let row = 0; row < column.#rowCount; row += 1) {
        words[at] = numbersHere[column.#indexes[row] ?? 0] ?? 0;
        at += 1;
      }
    }
    return { dictionary, words };
  }

  select(keep: Uint8Array): WordColumn {
    const selected = new WordColumn(this.#dictionary);
    for (let row = 0; row < this.#rowCount; row += 1) {
      if (keep[row] === 1) selected.push(this.indexAt(row));
    }
    return selected;
  }

  #reserve(rows: number): void {
    const needed = this.#rowCount + rows;
    if (needed <= this.#indexes.length) return;
    const grown = new Uint32Array(Math.max(needed, this.#indexes.length * 2));
    grown.set(this.#indexes.subarray(0, this.#rowCount));
    this.#indexes = grown;
  }
}

/** Indexes in the fewest bytes, and the format's number for their type. */
function narrowest(
  indexes: Uint32Array,
  dictionarySize: number,
): [number, Uint8Array | Uint16Array | Uint32Array] {
  if (dictionarySize <= 0x100) return [0, Uint8Array.from(indexes)];
  if (dictionarySize <= 0x1_0000) return [1, Uint16Array.from(indexes)];
  return [2, indexes];
}

function numbers(...values: number[]): Buffer {
  const bytes = Buffer.allocUnsafe(values.length * 8);
  values.forEach((value, i) => bytes.writeBigUInt64LE(BigInt(value), i * 8));
  return bytes;
}
