import type { WireReader } from '@flotilla/otlp';
import { AttributeMap } from './attribute-map.ts';
import { eachScope } from './resource-and-scope.ts';
import type { RowBudget } from './row-budget.ts';
import type { RowEncoder } from './row-encoder.ts';
import { RowWriter } from './row-writer.ts';
import type { TableRows } from './table-rows.ts';
import { TextSpans } from './text-spans.ts';
import { readTime } from './timestamp.ts';

const TWO_32 = 0x1_0000_0000;
const FIRST_BYTES = 256;
/** Words of the OTel Collector's ClickHouse exporter, by number in trace.proto. */
const KINDS = ['Unspecified', 'Internal', 'Server', 'Client', 'Producer', 'Consumer'];
const STATUS_CODES = ['Unset', 'Ok', 'Error'];

const TRACE_ID = 0;
const SPAN_ID = 1;
const PARENT_SPAN_ID = 2;
const TRACE_STATE = 3;
const NAME = 4;
const STATUS_MESSAGE = 5;

/** Rows of an ExportTraceServiceRequest; opentelemetry/proto/trace/v1/trace.proto. */
export function encodeSpans(request: WireReader, out: RowEncoder, budget: RowBudget): void {
  const rows = out.rowsOf('otel_traces');
  const spans = new TextSpans(6);
  eachScope(request, out, false, (scope) => {
    const shared = out.shared.written();
    for (let field = scope.next(); field !== 0; field = scope.next()) {
      if (field !== 2) {
        scope.skip();
        continue;
      }
      const outerEnd = scope.enter();
      budget.take(shared.length + scope.remainingBytes);
      encodeSpan(scope, rows, shared, spans);
      scope.leave(outerEnd);
    }
  });
}

function encodeSpan(
  reader: WireReader,
  rows: TableRows,
  shared: Uint8Array,
  texts: TextSpans,
): void {
  const { writer, attributes } = rows;
  const at = rows.begin(shared);
  const times = { startLow: 0, startHigh: 0, endLow: 0, endHigh: 0 };
  let kind = 0;
  let status = 0;
  const events: Nested[] = [];
  const links: Nested[] = [];
  texts.clear();
  attributes.begin();
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
    } else if (field === 9) attributes.add(reader);
    else if (field === 11) events.push(readEvent(reader.message()));
    else if (field === 13) links.push(readLink(reader.message()));
    else if (field === 15) status = readStatus(reader, texts);
    else reader.skip();
  }
  attributes.end();
  writeTimes(writer, at, times);
  for (const id of [TRACE_ID, SPAN_ID, PARENT_SPAN_ID]) texts.writeHex(id, reader, writer);
  texts.write(TRACE_STATE, reader, writer);
  texts.write(NAME, reader, writer);
  writer.text(KINDS[kind] ?? '');
  writer.text(STATUS_CODES[status] ?? '');
  texts.write(STATUS_MESSAGE, reader, writer);
  writeNested(events, 3, writer);
  writeNested(links, 4, writer);
}

interface SpanTimes {
  readonly startLow: number;
  readonly startHigh: number;
  readonly endLow: number;
  readonly endHigh: number;
}

/** A span that ends before it starts has no duration. */
function writeTimes(writer: RowWriter, at: number, times: SpanTimes): void {
  const { startLow, startHigh, endLow, endHigh } = times;
  writer.uint64At(at, startLow, startHigh);
  if (endHigh < startHigh || (endHigh === startHigh && endLow < startLow)) return;
  const borrow = endLow < startLow ? 1 : 0;
  writer.uint64At(at + 8, endLow - startLow + borrow * TWO_32, endHigh - startHigh - borrow);
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

/** Encoded values of one element of a Nested, in the order of its columns. */
type Nested = readonly Uint8Array[];

function readEvent(reader: WireReader): Nested {
  const time = new RowWriter(8);
  const name = new RowWriter(FIRST_BYTES);
  const texts = new TextSpans(1);
  const timeAt = time.fixed(8);
  const attributes = readAttributes(
    reader,
    (field) => {
      if (field === 1) {
        readTime(reader);
        time.uint64At(timeAt, reader.low, reader.high);
      } else if (field === 2) texts.text(0, reader);
      else return false;
      return true;
    },
    3,
  );
  texts.write(0, reader, name);
  return [time.written(), name.written(), attributes];
}

function readLink(reader: WireReader): Nested {
  const texts = new TextSpans(3);
  const attributes = readAttributes(
    reader,
    (field) => {
      if (field === 1 || field === 2) texts.bytes(field - 1, reader);
      else if (field === 3) texts.text(2, reader);
      else return false;
      return true;
    },
    4,
  );
  const columns = [0, 1, 2].map((which) => {
    const column = new RowWriter(FIRST_BYTES);
    if (which < 2) texts.writeHex(which, reader, column);
    else texts.write(which, reader, column);
    return column.written();
  });
  return [...columns, attributes];
}

/** Walks a message; `take` reads a field or says that it is none of its. Returns the encoded map. */
function readAttributes(
  reader: WireReader,
  take: (field: number) => boolean,
  attributesField: number,
): Uint8Array {
  const writer = new RowWriter(FIRST_BYTES);
  const attributes = new AttributeMap(writer);
  attributes.begin();
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === attributesField) attributes.add(reader);
    else if (!take(field)) reader.skip();
  }
  attributes.end();
  return writer.written();
}

function writeNested(elements: readonly Nested[], columns: number, into: RowWriter): void {
  for (let column = 0; column < columns; column += 1) {
    into.varUint(elements.length);
    for (const element of elements) into.block(element[column] ?? new Uint8Array(0));
  }
}
