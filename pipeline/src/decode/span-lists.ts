import type { WireReader } from '@flotilla/otlp';
import type { Block } from './block.ts';
import type { FixedColumn } from './columns/fixed-column.ts';
import type { ListColumn } from './columns/list-column.ts';
import type { MapColumn } from './columns/map-column.ts';
import type { TextColumn } from './columns/text-column.ts';
import type { WordColumn } from './columns/word-column.ts';
import { TextSpans } from './text-spans.ts';
import { readTime } from './timestamp.ts';

const TRACE_ID = 0;
const SPAN_ID = 1;
const TEXT = 2;
const texts = new TextSpans(3);

/** trace.proto, Span.Event. */
export class EventColumns {
  readonly #lists: readonly ListColumn[];
  readonly #time: FixedColumn;
  readonly #name: WordColumn;
  readonly #attributes: MapColumn;

  constructor(block: Block) {
    const names = ['Timestamp', 'Name', 'Attributes'];
    this.#lists = names.map((name) => block.list(`Events.${name}`));
    this.#time = block.fixedIn('Events.Timestamp');
    this.#name = block.wordIn('Events.Name');
    this.#attributes = block.mapsIn('Events.Attributes');
  }

  /** Adds the message in the reader's current field. */
  add(reader: WireReader): void {
    let low = 0;
    let high = 0;
    texts.clear();
    this.#attributes.begin();
    const outerEnd = reader.enter();
    for (let field = reader.next(); field !== 0; field = reader.next()) {
      if (field === 1) {
        readTime(reader);
        low = reader.low;
        high = reader.high;
      } else if (field === 2) texts.text(TEXT, reader);
      else if (field === 3) this.#attributes.add(reader);
      else reader.skip();
    }
    reader.leave(outerEnd);
    this.#attributes.end();
    this.#time.uint64(low, high);
    texts.write(TEXT, reader, this.#name);
  }

  end(): void {
    for (const list of this.#lists) list.end();
  }
}

/** trace.proto, Span.Link. */
export class LinkColumns {
  readonly #lists: readonly ListColumn[];
  readonly #traceId: TextColumn;
  readonly #spanId: TextColumn;
  readonly #traceState: TextColumn;
  readonly #attributes: MapColumn;

  constructor(block: Block) {
    const names = ['TraceId', 'SpanId', 'TraceState', 'Attributes'];
    this.#lists = names.map((name) => block.list(`Links.${name}`));
    this.#traceId = block.textIn('Links.TraceId');
    this.#spanId = block.textIn('Links.SpanId');
    this.#traceState = block.textIn('Links.TraceState');
    this.#attributes = block.mapsIn('Links.Attributes');
  }

  /** Adds the message in the reader's current field. */
  add(reader: WireReader): void {
    texts.clear();
    this.#attributes.begin();
    const outerEnd = reader.enter();
    for (let field = reader.next(); field !== 0; field = reader.next()) {
      if (field === 1) texts.bytes(TRACE_ID, reader);
      else if (field === 2) texts.bytes(SPAN_ID, reader);
      else if (field === 3) texts.text(TEXT, reader);
      else if (field === 4) this.#attributes.add(reader);
      else reader.skip();
    }
    reader.leave(outerEnd);
    this.#attributes.end();
    texts.writeHex(TRACE_ID, reader, this.#traceId);
    texts.writeHex(SPAN_ID, reader, this.#spanId);
    texts.write(TEXT, reader, this.#traceState);
  }

  end(): void {
    for (const list of this.#lists) list.end();
  }
}
