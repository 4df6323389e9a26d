import type { WireReader } from '@flotilla/otlp';
import type { RowEncoder } from './row-encoder.ts';
import type { TableRows } from './table-rows.ts';

/** Adds the rows of the record that the reader is in; `sharedBytes` are repeated on each, roughly. */
export type TakeRecord = (record: WireReader, sharedBytes: number) => void;

/**
 * Walks Export{Metrics,Logs,Trace}ServiceRequest → Resource* → Scope* → Metric, LogRecord or Span, which
 * number their fields alike.
 * What rows share may come after them, so it is read in a second walk and written behind them. Without
 * any row it is read all the same, into `other`, so that broken bytes are refused.
 */
export function eachRecord(
  request: WireReader,
  out: RowEncoder,
  other: TableRows,
  take: TakeRecord,
): void {
  eachField(request, 1, () => {
    const first = request.position;
    const resourceBytes = bytesBesideField2(request);
    request.seek(first);
    eachField(request, 2, () => {
      const firstOfScope = request.position;
      const sharedBytes = resourceBytes + bytesBesideField2(request);
      request.seek(firstOfScope);
      eachField(request, 2, () => take(request, sharedBytes));
      writeScope(request, firstOfScope, out, other);
    });
    writeResource(request, first, out, other);
  });
}

/** Enters each message in field `number` of the present one, and passes over the other fields. */
function eachField(reader: WireReader, number: number, take: () => void): void {
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field !== number) {
      reader.skip();
      continue;
    }
    const outerEnd = reader.enter();
    take();
    reader.leave(outerEnd);
  }
}

/** Size of the message's fields without its records. */
function bytesBesideField2(reader: WireReader): number {
  let bytes = 0;
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    const before = reader.position;
    reader.skip();
    if (field !== 2) bytes += reader.position - before;
  }
  return bytes;
}

function writeScope(reader: WireReader, first: number, out: RowEncoder, other: TableRows): void {
  let isWritten = false;
  for (const { scope, count } of out.touched) {
    const rows = scope.rowsWithoutScope(count);
    if (rows === 0) continue;
    reader.seek(first);
    scope.writeScope(reader, rows);
    isWritten = true;
  }
  if (isWritten) return;
  reader.seek(first);
  other.scope.writeScope(reader, 0);
}

function writeResource(reader: WireReader, first: number, out: RowEncoder, other: TableRows): void {
  let isWritten = false;
  for (const { scope, count } of out.touched) {
    const rows = scope.rowsWithoutResource(count);
    if (rows === 0) continue;
    reader.seek(first);
    scope.writeResource(reader, rows, out.sourceBytes, out.offset);
    isWritten = true;
  }
  if (isWritten) return;
  reader.seek(first);
  other.scope.writeResource(reader, 0, out.sourceBytes, out.offset);
}
