import type { WireReader } from '@flotilla/otlp';
import {
  encodeExponentialPoint,
  encodeHistogramPoint,
  encodeSummaryPoint,
} from './distribution-points.ts';
import { encodeNumberPoint } from './number-point.ts';
import { eachScope } from './resource-and-scope.ts';
import type { RowBudget } from './row-budget.ts';
import type { RowEncoder } from './row-encoder.ts';
import type { TableRows } from './table-rows.ts';
import type { TelemetryTable } from './tables.ts';
import { TextSpans } from './text-spans.ts';

type EncodePoint = (reader: WireReader, rows: TableRows, shared: Uint8Array) => void;

interface Kind {
  readonly table: TelemetryTable;
  readonly encode: EncodePoint;
  readonly hasTemporality: boolean;
  readonly hasMonotonicity: boolean;
}

const kind = (table: TelemetryTable, encode: EncodePoint, more: Partial<Kind> = {}): Kind => ({
  table,
  encode,
  hasTemporality: false,
  hasMonotonicity: false,
  ...more,
});

/** By the number of Metric's `data` field; 4, 6 and 8 are reserved. */
const KINDS: Readonly<Record<number, Kind>> = {
  5: kind('otel_metrics_gauge', encodeNumberPoint),
  7: kind('otel_metrics_sum', encodeNumberPoint, { hasTemporality: true, hasMonotonicity: true }),
  9: kind('otel_metrics_histogram', encodeHistogramPoint, { hasTemporality: true }),
  10: kind('otel_metrics_exponential_histogram', encodeExponentialPoint, { hasTemporality: true }),
  11: kind('otel_metrics_summary', encodeSummaryPoint),
};

const NAME = 0;
const DESCRIPTION = 1;
const UNIT = 2;

/** Rows of an ExportMetricsServiceRequest; opentelemetry/proto/metrics/v1/metrics.proto. */
export function encodeMetrics(request: WireReader, out: RowEncoder, budget: RowBudget): void {
  const spans = new TextSpans(3);
  eachScope(request, out, true, (scope, droppedAttributes) => {
    const mark = out.shared.length;
    for (let field = scope.next(); field !== 0; field = scope.next()) {
      if (field !== 2) {
        scope.skip();
        continue;
      }
      out.shared.truncate(mark);
      out.shared.uint32(droppedAttributes);
      const outerEnd = scope.enter();
      encodeMetric(scope, out, budget, spans);
      scope.leave(outerEnd);
    }
  });
}

/**
 * The data may come before the name, and a repeated oneof field continues the first (protobuf merges
 * them), so the fields are walked twice.
 */
function encodeMetric(
  reader: WireReader,
  out: RowEncoder,
  budget: RowBudget,
  spans: TextSpans,
): void {
  const start = reader.position;
  spans.clear();
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) spans.text(NAME, reader);
    else if (field === 2) spans.text(DESCRIPTION, reader);
    else if (field === 3) spans.text(UNIT, reader);
    else reader.skip();
  }
  spans.write(NAME, reader, out.shared);
  spans.write(DESCRIPTION, reader, out.shared);
  spans.write(UNIT, reader, out.shared);
  const mark = out.shared.length;
  reader.seek(start);
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    const of = KINDS[field];
    if (of === undefined) {
      reader.skip();
      continue;
    }
    out.shared.truncate(mark);
    const outerEnd = reader.enter();
    encodePoints(reader, of, out, budget);
    reader.leave(outerEnd);
  }
}

/** Gauge, Sum, Histogram, ExponentialHistogram and Summary number their fields alike. */
function encodePoints(reader: WireReader, of: Kind, out: RowEncoder, budget: RowBudget): void {
  const start = reader.position;
  let temporality = 0;
  let isMonotonic = false;
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 2) temporality = reader.int32();
    else if (field === 3) isMonotonic = reader.bool();
    else reader.skip();
  }
  if (of.hasTemporality) out.shared.uint32(temporality);
  if (of.hasMonotonicity) out.shared.uint8(isMonotonic ? 1 : 0);
  const rows = out.rowsOf(of.table);
  const shared = out.shared.written();
  reader.seek(start);
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field !== 1) {
      reader.skip();
      continue;
    }
    const outerEnd = reader.enter();
    budget.take(shared.length + reader.remainingBytes);
    of.encode(reader, rows, shared);
    reader.leave(outerEnd);
  }
}
