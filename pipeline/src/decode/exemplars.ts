import type { WireReader } from '@flotilla/otlp';
import type { Block } from './block.ts';
import type { FixedColumn } from './columns/fixed-column.ts';
import type { ListColumn } from './columns/list-column.ts';
import type { MapColumn } from './columns/map-column.ts';
import type { TextColumn } from './columns/text-column.ts';
import { readSigned } from './signed.ts';
import { TextSpans } from './text-spans.ts';
import { readTime } from './timestamp.ts';

const SPAN_ID = 0;
const TRACE_ID = 1;
const texts = new TextSpans(2);

/** The columns of the `Exemplars` Nested: lists of one length. */
export class ExemplarColumns {
  readonly #lists: readonly ListColumn[];
  readonly #attributes: MapColumn;
  readonly #time: FixedColumn;
  readonly #value: FixedColumn;
  readonly #spanId: TextColumn;
  readonly #traceId: TextColumn;

  constructor(block: Block) {
    const names = ['FilteredAttributes', 'TimeUnix', 'Value', 'SpanId', 'TraceId'];
    this.#lists = names.map((name) => block.list(`Exemplars.${name}`));
    this.#attributes = block.mapsIn('Exemplars.FilteredAttributes');
    this.#time = block.fixedIn('Exemplars.TimeUnix');
    this.#value = block.fixedIn('Exemplars.Value');
    this.#spanId = block.textIn('Exemplars.SpanId');
    this.#traceId = block.textIn('Exemplars.TraceId');
  }

  /** Adds the Exemplar message in the reader's current field; metrics.proto. */
  add(reader: WireReader): void {
    let timeLow = 0;
    let timeHigh = 0;
    let value = 0;
    texts.clear();
    this.#attributes.begin();
    const outerEnd = reader.enter();
    for (let field = reader.next(); field !== 0; field = reader.next()) {
      if (field === 2) {
        readTime(reader);
        timeLow = reader.low;
        timeHigh = reader.high;
      } else if (field === 3) value = reader.double();
      else if (field === 4) texts.bytes(SPAN_ID, reader);
      else if (field === 5) texts.bytes(TRACE_ID, reader);
      else if (field === 6) value = readSigned(reader);
      else if (field === 7) this.#attributes.add(reader);
      else reader.skip();
    }
    reader.leave(outerEnd);
    this.#attributes.end();
    this.#time.uint64(timeLow, timeHigh);
    this.#value.float64(value);
    texts.writeHex(SPAN_ID, reader, this.#spanId);
    texts.writeHex(TRACE_ID, reader, this.#traceId);
  }

  /** Ends the exemplars of row `row`; rows that have none need not be ended. */
  close(row: number): void {
    for (const list of this.#lists) list.close(row);
  }
}
