import { anyValueText, emptyAttributes, readAnyValue, readAttribute } from './any-value.ts';
import { scopeGroups, type ScopeGroup } from './resource-and-scope.ts';
import type { RowBudget } from './row-budget.ts';
import type { DecodedRows, LogRow } from './rows.ts';
import { ticks } from './timestamp.ts';
import type { WireReader } from '@flotilla/otlp';

/** Rows of an ExportLogsServiceRequest; opentelemetry/proto/logs/v1/logs.proto. */
export function decodeLogs(request: WireReader, rows: DecodedRows, budget: RowBudget): void {
  for (const group of scopeGroups(request)) {
    for (const record of group.records) {
      budget.take(group.sharedBytes + record.remainingBytes);
      rows.otel_logs.push(readLogRecord(record, group));
    }
  }
}

function readLogRecord(reader: WireReader, group: ScopeGroup): LogRow {
  const row = emptyLogRow(group);
  let time = 0n;
  let observedTime = 0n;
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) time = reader.fixed64();
    else if (field === 2) row.SeverityNumber = clampToUint8(reader.int32());
    else if (field === 3) row.SeverityText = reader.string();
    else if (field === 5) row.Body = anyValueText(readAnyValue(reader.message()));
    else if (field === 6) readAttribute(reader.message(), row.LogAttributes);
    // The lowest byte holds the W3C trace flags (logs.proto, LogRecordFlags).
    else if (field === 8) row.TraceFlags = reader.fixed32() & 0xff;
    else if (field === 9) row.TraceId = hex(reader.bytes());
    else if (field === 10) row.SpanId = hex(reader.bytes());
    else if (field === 11) observedTime = reader.fixed64();
    else if (field === 12) row.EventName = reader.string();
    else reader.skip();
  }
  // logs data model, "Timestamp": when it is missing, the observed one stands in.
  row.Timestamp = ticks(time === 0n ? observedTime : time);
  return row;
}

function emptyLogRow(group: ScopeGroup): LogRow {
  return {
    Timestamp: ticks(0n),
    TraceId: '',
    SpanId: '',
    TraceFlags: 0,
    SeverityText: '',
    SeverityNumber: 0,
    Body: '',
    ...group.fields,
    LogAttributes: emptyAttributes(),
    EventName: '',
  };
}

/** SeverityNumber is 1 to 24; anything else must still fit the column. */
function clampToUint8(value: number): number {
  return Math.min(255, Math.max(0, value));
}

export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
}
