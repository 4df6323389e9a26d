import type { WireReader } from '@flotilla/otlp';
import { anyValueText, readAnyValue } from './any-value.ts';
import { eachScope } from './resource-and-scope.ts';
import type { RowBudget } from './row-budget.ts';
import type { RowEncoder } from './row-encoder.ts';
import type { TableRows } from './table-rows.ts';
import { TextSpans } from './text-spans.ts';
import { readTime } from './timestamp.ts';

/** Places of a row's texts among `TextSpans`. */
const SEVERITY_TEXT = 0;
const BODY = 1;
const EVENT_NAME = 2;
const TRACE_ID = 3;
const SPAN_ID = 4;

/** Rows of an ExportLogsServiceRequest; opentelemetry/proto/logs/v1/logs.proto. */
export function encodeLogs(request: WireReader, out: RowEncoder, budget: RowBudget): void {
  const rows = out.rowsOf('otel_logs');
  const spans = new TextSpans(5);
  eachScope(request, out, true, (scope) => {
    const shared = out.shared.written();
    for (let field = scope.next(); field !== 0; field = scope.next()) {
      if (field !== 2) {
        scope.skip();
        continue;
      }
      const outerEnd = scope.enter();
      budget.take(shared.length + scope.remainingBytes);
      encodeLogRecord(scope, rows, shared, spans);
      scope.leave(outerEnd);
    }
  });
}

function encodeLogRecord(
  reader: WireReader,
  rows: TableRows,
  shared: Uint8Array,
  spans: TextSpans,
): void {
  const { writer, attributes } = rows;
  const at = rows.begin(shared);
  let body: string | null = null;
  let hasTime = false;
  let observedLow = 0;
  let observedHigh = 0;
  spans.clear();
  attributes.begin();
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) {
      readTime(reader);
      hasTime = reader.low !== 0 || reader.high !== 0;
      writer.uint64At(at, reader.low, reader.high);
    } else if (field === 11) {
      readTime(reader);
      observedLow = reader.low;
      observedHigh = reader.high;
    } else if (field === 2) writer.uint8At(at + 8, clampToUint8(reader.int32()));
    else if (field === 3) spans.text(SEVERITY_TEXT, reader);
    else if (field === 5) body = readBody(reader, spans);
    else if (field === 6) attributes.add(reader);
    // The lowest byte holds the W3C trace flags (logs.proto, LogRecordFlags).
    else if (field === 8) writer.uint8At(at + 9, reader.fixed32() & 0xff);
    else if (field === 9) spans.bytes(TRACE_ID, reader);
    else if (field === 10) spans.bytes(SPAN_ID, reader);
    else if (field === 12) spans.text(EVENT_NAME, reader);
    else reader.skip();
  }
  // logs data model, "Timestamp": when it is missing, the observed one stands in.
  if (!hasTime) writer.uint64At(at, observedLow, observedHigh);
  attributes.end();
  spans.write(SEVERITY_TEXT, reader, writer);
  if (body === null) spans.write(BODY, reader, writer);
  else writer.text(body);
  spans.write(EVENT_NAME, reader, writer);
  spans.writeHex(TRACE_ID, reader, writer);
  spans.writeHex(SPAN_ID, reader, writer);
}

/** Notes a text's place; any other value is returned as text. */
function readBody(reader: WireReader, spans: TextSpans): string | null {
  const outerEnd = reader.enter();
  const start = reader.position;
  const isText = reader.next() === 1;
  if (isText) spans.text(BODY, reader);
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
