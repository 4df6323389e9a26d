import type { WireReader } from '@flotilla/otlp';
import type { RowEncoder } from './row-encoder.ts';
import type { TableRows } from './table-rows.ts';

/** Adds the rows of a scope, which come as field 2; `sharedBytes` are repeated on each, roughly. */
export type TakeScope = (scope: WireReader, sharedBytes: number) => void;

/**
 * Walks Export{Metrics,Logs,Trace}ServiceRequest → Resource* → Scope*, which number their fields alike.
 * What rows share may come after them, so it is read in a second walk and written behind them. Without
 * any row it is read all the same, into `other`, so that broken bytes are refused.
 */
export function eachScope(
  request: WireReader,
  out: RowEncoder,
  other: TableRows,
  take: TakeScope,
): void {
  for (let field = request.next(); field !== 0; field = request.next()) {
    if (field !== 1) {
      request.skip();
      continue;
    }
    const outerEnd = request.enter();
    const first = request.position;
    const resourceBytes = bytesBesideField2(request);
    request.seek(first);
    for (let inner = request.next(); inner !== 0; inner = request.next()) {
      if (inner !== 2) {
        request.skip();
        continue;
      }
      const resourceEnd = request.enter();
      const firstOfScope = request.position;
      const scopeBytes = bytesBesideField2(request);
      request.seek(firstOfScope);
      take(request, resourceBytes + scopeBytes);
      writeScope(request, firstOfScope, out, other);
      request.leave(resourceEnd);
    }
    writeResource(request, first, out, other);
    request.leave(outerEnd);
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
