import type { WireReader } from '@flotilla/otlp';
import type { FixedColumn } from './columns/fixed-column.ts';
import type { MapColumn } from './columns/map-column.ts';
import type { TextColumn } from './columns/text-column.ts';
import type { WordColumn } from './columns/word-column.ts';
import { eachRecord } from './each-record.ts';
import type { EncodeRequest, RowEncoder } from './row-encoder.ts';
import { EventColumns, LinkColumns } from './span-lists.ts';
import type { TableRows } from './table-rows.ts';
import { TextSpans } from './text-spans.ts';
import { readTime } from './timestamp.ts';

const TWO_32 = 0x1_0000_0000;
const toBytes = (word: string) => Buffer.from(word);
/** Words of the OTel Collector's ClickHouse exporter, by number in trace.proto. */
const KINDS = ['Unspecified', 'Internal', 'Server', 'Client', 'Producer', 'Consumer'].map(toBytes);
const STATUS_CODES = ['Unset', 'Ok', 'Error'].map(toBytes);
const UNKNOWN = toBytes('');

const TRACE_ID = 0;
const SPAN_ID = 1;
const PARENT_SPAN_ID = 2;
const TRACE_STATE = 3;
const NAME = 4;
const STATUS_MESSAGE = 5;

/** Rows of ExportTraceServiceRequest messages; opentelemetry/proto/trace/v1/trace.proto. */
export function spansEncoder(out: RowEncoder): EncodeRequest {
  const rows = out.rowsOf('otel_traces');
  const spans = new Spans(rows);
  return (request, budget) => {
    eachRecord(request, out, rows, (record, sharedBytes) => {
      budget.take(sharedBytes + record.remainingBytes);
      spans.add(record);
    });
  };
}

/** trace.proto, Span. */
class Spans {
  readonly #rows: TableRows;
  readonly #time: FixedColumn;
  readonly #duration: FixedColumn;
  readonly #attributes: MapColumn;
  readonly #kind: WordColumn;
  readonly #status: WordColumn;
  readonly #name: WordColumn;
  /** By their places among the texts. */
  readonly #ids: readonly TextColumn[];
  readonly #traceState: TextColumn;
  readonly #statusMessage: TextColumn;
  readonly #events: EventColumns;
  readonly #links: LinkColumns;
  readonly #texts = new TextSpans(6);

  constructor(rows: TableRows) {
    const { block } = rows;
    this.#rows = rows;
    this.#time = block.fixed('Timestamp');
    this.#duration = block.fixed('Duration');
    this.#attributes = block.map('SpanAttributes');
    this.#kind = block.word('SpanKind');
    this.#status = block.word('StatusCode');
    this.#name = block.word('SpanName');
    this.#ids = ['TraceId', 'SpanId', 'ParentSpanId'].map((name) => block.text(name));
    this.#traceState = block.text('TraceState');
    this.#statusMessage = block.text('StatusMessage');
    this.#events = new EventColumns(block);
    this.#links = new LinkColumns(block);
  }

  /** Adds a row for the message that the reader is in. */
  add(reader: WireReader): void {
    const texts = this.#texts;
    const times = { startLow: 0, startHigh: 0, endLow: 0, endHigh: 0 };
    let kind = 0;
    let status = 0;
    texts.clear();
    this.#attributes.begin();
    for (let field = reader.next(); field !== 0; field = reader.next()) {
      if (field === 1) texts.bytes(TRACE_ID, reader);
      else if (field === 2) texts.bytes(SPAN_ID, reader);
      else if (field === 3) texts.text(TRACE_STATE, reader);
      else if (field === 4) texts.bytes(PARENT_SPAN_ID, reader);
      else if (field === 5) texts.text(NAME, reader);
      else if (field === 6) kind = reader.int32();
      else if (field === 7) {
        readTime(reader);
        times.startLow = reader.low;
        times.startHigh = reader.high;
      } else if (field === 8) {
        readTime(reader);
        times.endLow = reader.low;
        times.endHigh = reader.high;
      } else if (field === 9) this.#attributes.add(reader);
      else if (field === 11) this.#events.add(reader);
      else if (field === 13) this.#links.add(reader);
      else if (field === 15) status = readStatus(reader, texts);
      else reader.skip();
    }
    this.#attributes.end();
    this.#writeTimes(times);
    this.#writeTexts(reader);
    pushWord(this.#kind, KINDS[kind] ?? UNKNOWN);
    pushWord(this.#status, STATUS_CODES[status] ?? UNKNOWN);
    this.#events.end();
    this.#links.end();
    this.#rows.endRow();
  }

  #writeTexts(reader: WireReader): void {
    const texts = this.#texts;
    for (const [which, column] of this.#ids.entries()) texts.writeHex(which, reader, column);
    texts.write(TRACE_STATE, reader, this.#traceState);
    texts.write(NAME, reader, this.#name);
    texts.write(STATUS_MESSAGE, reader, this.#statusMessage);
  }

  /** A span that ends before it starts has no duration. */
  #writeTimes({ startLow, startHigh, endLow, endHigh }: SpanTimes): void {
    this.#time.uint64(startLow, startHigh);
    if (endHigh < startHigh || (endHigh === startHigh && endLow < startLow)) {
      this.#duration.uint64(0, 0);
      return;
    }
    const borrow = endLow < startLow ? 1 : 0;
    this.#duration.uint64(endLow - startLow + borrow * TWO_32, endHigh - startHigh - borrow);
  }
}

interface SpanTimes {
  readonly startLow: number;
  readonly startHigh: number;
  readonly endLow: number;
  readonly endHigh: number;
}

function pushWord(column: WordColumn, word: Uint8Array): void {
  column.bytesText(word, 0, word.length);
}

function readStatus(reader: WireReader, texts: TextSpans): number {
  let code = 0;
  const outerEnd = reader.enter();
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 2) texts.text(STATUS_MESSAGE, reader);
    else if (field === 3) code = reader.int32();
    else reader.skip();
  }
  reader.leave(outerEnd);
  return code;
}
