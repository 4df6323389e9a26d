import type { WireReader } from '@flotilla/otlp';
import { anyValueText, readAnyValue } from './any-value.ts';
import type { FixedColumn } from './columns/fixed-column.ts';
import type { MapColumn } from './columns/map-column.ts';
import type { TextColumn } from './columns/text-column.ts';
import type { WordColumn } from './columns/word-column.ts';
import { eachRecord } from './each-record.ts';
import type { EncodeRequest, RowEncoder } from './row-encoder.ts';
import type { TableRows } from './table-rows.ts';
import { TextSpans } from './text-spans.ts';
import { readTime } from './timestamp.ts';

/** Places of a row's texts among `TextSpans`. */
const SEVERITY_TEXT = 0;
const BODY = 1;
const EVENT_NAME = 2;
const TRACE_ID = 3;
const SPAN_ID = 4;

/** Rows of ExportLogsServiceRequest messages; opentelemetry/proto/logs/v1/logs.proto. */
export function logsEncoder(out: RowEncoder): EncodeRequest {
  const rows = out.rowsOf('otel_logs');
  const records = new LogRecords(rows);
  return (request, budget) => {
    eachRecord(request, out, rows, (record, sharedBytes) => {
      budget.take(sharedBytes + record.remainingBytes);
      records.add(record);
    });
  };
}

/** logs.proto, LogRecord. */
class LogRecords {
  readonly #rows: TableRows;
  readonly #time: FixedColumn;
  readonly #severity: FixedColumn;
  readonly #traceFlags: FixedColumn;
  readonly #attributes: MapColumn;
  readonly #severityText: WordColumn;
  readonly #body: TextColumn;
  readonly #eventName: TextColumn;
  readonly #traceId: TextColumn;
  readonly #spanId: TextColumn;
  readonly #texts = new TextSpans(5);

  constructor(rows: TableRows) {
    const { block } = rows;
    this.#rows = rows;
    this.#time = block.fixed('Timestamp');
    this.#severity = block.fixed('SeverityNumber');
    this.#traceFlags = block.fixed('TraceFlags');
    this.#attributes = block.map('LogAttributes');
    this.#severityText = block.word('SeverityText');
    this.#body = block.text('Body');
    this.#eventName = block.text('EventName');
    this.#traceId = block.text('TraceId');
    this.#spanId = block.text('SpanId');
  }

  /** Adds a row for the message that the reader is in. */
  add(reader: WireReader): void {
    let low = 0;
    let high = 0;
    let observedLow = 0;
    let observedHigh = 0;
    let severity = 0;
    let traceFlags = 0;
    let body: string | null = null;
    const texts = this.#texts;
    texts.clear();
    this.#attributes.begin();
    for (let field = reader.next(); field !== 0; field = reader.next()) {
      if (field === 1) {
        readTime(reader);
        low = reader.low;
        high = reader.high;
      } else if (field === 11) {
        readTime(reader);
        observedLow = reader.low;
        observedHigh = reader.high;
      } else if (field === 2) severity = clampToUint8(reader.int32());
      else if (field === 3) texts.text(SEVERITY_TEXT, reader);
      else if (field === 5) body = readBody(reader, texts);
      else if (field === 6) this.#attributes.add(reader);
      // The lowest byte holds the W3C trace flags (logs.proto, LogRecordFlags).
      else if (field === 8) traceFlags = reader.fixed32() & 0xff;
      else if (field === 9) texts.bytes(TRACE_ID, reader);
      else if (field === 10) texts.bytes(SPAN_ID, reader);
      else if (field === 12) texts.text(EVENT_NAME, reader);
      else reader.skip();
    }
    this.#attributes.end();
    // logs data model, "Timestamp": when it is missing, the observed one stands in.
    if (low !== 0 || high !== 0) this.#time.uint64(low, high);
    else this.#time.uint64(observedLow, observedHigh);
    this.#severity.uint8(severity);
    this.#traceFlags.uint8(traceFlags);
    this.#writeTexts(reader, body);
    this.#rows.endRow();
  }

  #writeTexts(reader: WireReader, body: string | null): void {
    const texts = this.#texts;
    texts.write(SEVERITY_TEXT, reader, this.#severityText);
    if (body === null) texts.write(BODY, reader, this.#body);
    else this.#body.text(body);
    texts.write(EVENT_NAME, reader, this.#eventName);
    texts.writeHex(TRACE_ID, reader, this.#traceId);
    texts.writeHex(SPAN_ID, reader, this.#spanId);
  }
}

/** Notes a text's place; any other value is returned as text. */
function readBody(reader: WireReader, texts: TextSpans): string | null {
  const outerEnd = reader.enter();
  const start = reader.position;
  const isText = reader.next() === 1;
  if (isText) texts.text(BODY, reader);
  let other: string | null = null;
  if (!isText || reader.remainingBytes > 0) {
    reader.seek(start);
    other = anyValueText(readAnyValue(reader));
  }
  reader.leave(outerEnd);
  return other;
}

/** SeverityNumber is 1 to 24; anything else must still fit the column. */
function clampToUint8(value: number): number {
  return Math.min(255, Math.max(0, value));
}
