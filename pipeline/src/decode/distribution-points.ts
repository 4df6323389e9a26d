import type { WireReader } from '@flotilla/otlp';
import { writeExemplars } from './exemplars.ts';
import { RowWriter } from './row-writer.ts';
import type { TableRows } from './table-rows.ts';
import { readTime } from './timestamp.ts';

const FIRST_BYTES = 1024;
/** Places in the fixed part of a row; see tables.ts. */
const START = 0;
const TIME = 8;
const COUNT = 16;
const SUM = 24;
const MIN = 32;
const MAX = 40;
const FLAGS = 48;
const SCALE = 52;
const ZERO_COUNT = 56;
const POSITIVE_OFFSET = 64;
const NEGATIVE_OFFSET = 68;
const SUMMARY_FLAGS = 32;

/** 8-byte values of the two arrays of a point, until it is their columns' turn. */
const firstList = new RowWriter(FIRST_BYTES);
const secondList = new RowWriter(FIRST_BYTES);

/** metrics.proto, HistogramDataPoint. */
export function encodeHistogramPoint(
  reader: WireReader,
  rows: TableRows,
  shared: Uint8Array,
): void {
  const { writer, attributes } = rows;
  const at = beginDistribution(rows, shared);
  let exemplars: WireReader[] | null = null;
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field >= 2 && field <= 5) copyTimesCountSum(field, reader, writer, at);
    else if (field === 6) copyList(reader, firstList);
    else if (field === 7) copyList(reader, secondList);
    else if (field === 8) (exemplars ??= []).push(reader.message());
    else if (field === 9) attributes.add(reader);
    else if (field === 10) writer.uint32At(at + FLAGS, reader.uint32());
    else if (field === 11) copy8(reader, writer, at + MIN);
    else if (field === 12) copy8(reader, writer, at + MAX);
    else reader.skip();
  }
  attributes.end();
  writeLists(writer);
  writeExemplars(exemplars, writer);
}

/** metrics.proto, ExponentialHistogramDataPoint. */
export function encodeExponentialPoint(
  reader: WireReader,
  rows: TableRows,
  shared: Uint8Array,
): void {
  const { writer, attributes } = rows;
  const at = beginDistribution(rows, shared);
  let exemplars: WireReader[] | null = null;
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field >= 2 && field <= 5) copyTimesCountSum(field, reader, writer, at);
    else if (field === 1) attributes.add(reader);
    else if (field === 6) writer.uint32At(at + SCALE, reader.sint32());
    else if (field === 7) copy8(reader, writer, at + ZERO_COUNT);
    else if (field === 8) copyBuckets(reader, writer, at + POSITIVE_OFFSET, firstList);
    else if (field === 9) copyBuckets(reader, writer, at + NEGATIVE_OFFSET, secondList);
    else if (field === 10) writer.uint32At(at + FLAGS, reader.uint32());
    else if (field === 11) (exemplars ??= []).push(reader.message());
    else if (field === 12) copy8(reader, writer, at + MIN);
    else if (field === 13) copy8(reader, writer, at + MAX);
    else reader.skip();
  }
  attributes.end();
  writeLists(writer);
  writeExemplars(exemplars, writer);
}

/** metrics.proto, SummaryDataPoint. */
export function encodeSummaryPoint(reader: WireReader, rows: TableRows, shared: Uint8Array): void {
  const { writer, attributes } = rows;
  const at = beginDistribution(rows, shared);
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field >= 2 && field <= 5) copyTimesCountSum(field, reader, writer, at);
    else if (field === 6) copyQuantile(reader);
    else if (field === 7) attributes.add(reader);
    else if (field === 8) writer.uint32At(at + SUMMARY_FLAGS, reader.uint32());
    else reader.skip();
  }
  attributes.end();
  writeLists(writer);
}

function beginDistribution(rows: TableRows, shared: Uint8Array): number {
  firstList.truncate(0);
  secondList.truncate(0);
  const at = rows.begin(shared);
  rows.attributes.begin();
  return at;
}

/** All three number these fields alike. */
function copyTimesCountSum(field: number, reader: WireReader, into: RowWriter, at: number): void {
  if (field <= 3) {
    readTime(reader);
    into.uint64At(at + (field === 2 ? START : TIME), reader.low, reader.high);
  } else copy8(reader, into, at + (field === 4 ? COUNT : SUM));
}

/** A fixed64 or a double: both sides keep them in the same 8 bytes. */
function copy8(reader: WireReader, into: RowWriter, at: number): void {
  reader.fixed64Halves();
  into.uint64At(at, reader.low, reader.high);
}

function copyList(reader: WireReader, into: RowWriter): void {
  const start = reader.fixed64Span();
  into.raw(reader.source, start, reader.spanLength);
}

function copyBuckets(reader: WireReader, row: RowWriter, offsetAt: number, into: RowWriter): void {
  const outerEnd = reader.enter();
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) row.uint32At(offsetAt, reader.sint32());
    else if (field === 2) reader.eachVarint(() => into.uint64(reader.low, reader.high));
    else reader.skip();
  }
  reader.leave(outerEnd);
}

function copyQuantile(reader: WireReader): void {
  let quantile = 0;
  let value = 0;
  const outerEnd = reader.enter();
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) quantile = reader.double();
    else if (field === 2) value = reader.double();
    else reader.skip();
  }
  reader.leave(outerEnd);
  firstList.float64(quantile);
  secondList.float64(value);
}

function writeLists(into: RowWriter): void {
  for (const list of [firstList, secondList]) {
    into.varUint(list.length / 8);
    into.block(list.written());
  }
}
