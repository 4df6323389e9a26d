import { ATTR_SERVICE_NAME } from '@flotilla/contracts';
import type { WireReader } from '@flotilla/otlp';
import type { Block } from './block.ts';
import type { FixedColumn } from './columns/fixed-column.ts';
import type { MapColumn } from './columns/map-column.ts';
import type { TextColumn } from './columns/text-column.ts';
import type { WordColumn } from './columns/word-column.ts';
import { TextSpans } from './text-spans.ts';

const SERVICE_NAME = Buffer.from(ATTR_SERVICE_NAME);
const TWO_32 = 0x1_0000_0000;

const NAME = 0;
const VERSION = 1;
const SCHEMA = 2;
const texts = new TextSpans(3);

type AnyText = TextColumn | WordColumn;

/** The columns that all rows of a record, a resource or a scope have in common: written once, repeated. */
export class ScopeColumns {
  readonly #source: WordColumn;
  readonly #offset: FixedColumn;
  readonly #resource: MapColumn;
  readonly #service: WordColumn;
  readonly #name: TextColumn;
  readonly #version: AnyText;
  /** Spans have none of these. */
  readonly #resourceSchema: AnyText | null;
  readonly #attributes: MapColumn | null;
  readonly #schema: AnyText | null;
  /** Metrics alone have it. */
  readonly #droppedCount: FixedColumn | null;

  constructor(block: Block) {
    this.#source = block.word('IngestSource');
    this.#offset = block.fixed('IngestOffset');
    this.#resource = block.map('ResourceAttributes');
    this.#service = block.word('ServiceName');
    this.#name = block.text('ScopeName');
    this.#version = block.anyText('ScopeVersion');
    const hasSchema = block.has('ScopeSchemaUrl');
    this.#resourceSchema = hasSchema ? block.anyText('ResourceSchemaUrl') : null;
    this.#attributes = hasSchema ? block.map('ScopeAttributes') : null;
    this.#schema = hasSchema ? block.anyText('ScopeSchemaUrl') : null;
    const counts = block.has('ScopeDroppedAttrCount');
    this.#droppedCount = counts ? block.fixed('ScopeDroppedAttrCount') : null;
  }

  /** Rows that have no resource yet, of `rowCount` in all. */
  rowsWithoutResource(rowCount: number): number {
    return rowCount - this.#source.rowCount;
  }

  rowsWithoutScope(rowCount: number): number {
    return rowCount - this.#name.rowCount;
  }

  /** For `rows` rows: where they come from, and the Resource* message that the reader is in. */
  writeResource(reader: WireReader, rows: number, source: Uint8Array, offset: number): void {
    const attributes = this.#resource;
    texts.clear();
    attributes.begin();
    for (let field = reader.next(); field !== 0; field = reader.next()) {
      if (field === 1) {
        const outerEnd = reader.enter();
        for (let inner = reader.next(); inner !== 0; inner = reader.next()) {
          if (inner === 1) attributes.add(reader);
          else reader.skip();
        }
        reader.leave(outerEnd);
      } else if (field === 3) texts.text(SCHEMA, reader);
      else reader.skip();
    }
    attributes.end();
    attributes.valueOf(SERVICE_NAME, (bytes, start, length) =>
      this.#service.bytesText(bytes, start, length),
    );
    this.#source.bytesText(source, 0, source.length);
    this.#offset.uint64(offset >>> 0, Math.floor(offset / TWO_32));
    attributes.repeatLast(rows);
    this.#service.repeatLast(rows);
    this.#source.repeatLast(rows);
    this.#offset.repeatLast(rows);
    writeText(SCHEMA, reader, this.#resourceSchema, rows);
  }

  /** For `rows` rows: the Scope* message that the reader is in. */
  writeScope(reader: WireReader, rows: number): void {
    let dropped = 0;
    texts.clear();
    this.#attributes?.begin();
    for (let field = reader.next(); field !== 0; field = reader.next()) {
      if (field === 1) {
        const outerEnd = reader.enter();
        dropped = this.#readScope(reader, dropped);
        reader.leave(outerEnd);
      } else if (field === 3) texts.text(SCHEMA, reader);
      else reader.skip();
    }
    this.#attributes?.end();
    this.#attributes?.repeatLast(rows);
    writeText(NAME, reader, this.#name, rows);
    writeText(VERSION, reader, this.#version, rows);
    writeText(SCHEMA, reader, this.#schema, rows);
    this.#droppedCount?.uint32(dropped);
    this.#droppedCount?.repeatLast(rows);
  }

  /** common.proto, InstrumentationScope. Returns the number of attributes the sender dropped. */
  #readScope(reader: WireReader, droppedBefore: number): number {
    let dropped = droppedBefore;
    for (let field = reader.next(); field !== 0; field = reader.next()) {
      if (field === 1) texts.text(NAME, reader);
      else if (field === 2) texts.text(VERSION, reader);
      else if (field === 3 && this.#attributes !== null) this.#attributes.add(reader);
      else if (field === 4) dropped = reader.uint32();
      else reader.skip();
    }
    return dropped;
  }
}

function writeText(which: number, reader: WireReader, column: AnyText | null, rows: number): void {
  if (column === null) return;
  texts.write(which, reader, column);
  column.repeatLast(rows);
}
