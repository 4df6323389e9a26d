import {
  readExponentialPoint,
  readHistogramPoint,
  readSummaryPoint,
} from './distribution-points.ts';
import { readNumberPoint } from './number-point.ts';
import { scopeGroups, type ScopeGroup } from './resource-and-scope.ts';
import type { RowBudget } from './row-budget.ts';
import type { DecodedRows, MetricFields } from './rows.ts';
import type { WireReader } from '@flotilla/otlp';

/** Rows of an ExportMetricsServiceRequest; opentelemetry/proto/metrics/v1/metrics.proto. */
export function decodeMetrics(request: WireReader, rows: DecodedRows, budget: RowBudget): void {
  for (const group of scopeGroups(request)) {
    for (const metric of group.records) readMetric(metric, group, rows, budget);
  }
}

const GAUGE = 5;
const SUM = 7;
const HISTOGRAM = 9;
const EXPONENTIAL_HISTOGRAM = 10;
const SUMMARY = 11;

function readMetric(
  reader: WireReader,
  group: ScopeGroup,
  rows: DecodedRows,
  budget: RowBudget,
): void {
  let name = '';
  let description = '';
  let unit = '';
  // The data may come before the name, and a repeated oneof field continues the first (protobuf
  // merges them), so points are read once all is known.
  const data: { kind: number; reader: WireReader }[] = [];
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) name = reader.string();
    else if (field === 2) description = reader.string();
    else if (field === 3) unit = reader.string();
    else if (field === GAUGE || (field >= SUM && field <= SUMMARY && field !== 8)) {
      data.push({ kind: field, reader: reader.message() });
    } else reader.skip();
  }
  const metric: MetricFields = {
    ...group.fields,
    ScopeDroppedAttrCount: group.scopeDroppedAttributes,
    MetricName: name,
    MetricDescription: description,
    MetricUnit: unit,
  };
  const sharedBytes = group.sharedBytes + name.length + description.length + unit.length;
  for (const part of data) {
    const points = readPoints(part.reader);
    for (const point of points.readers) budget.take(sharedBytes + point.remainingBytes);
    addRows(part.kind, points, metric, rows);
  }
}

interface Points {
  readonly readers: readonly WireReader[];
  readonly temporality: number;
  readonly isMonotonic: boolean;
}

/** Gauge, Sum, Histogram, ExponentialHistogram and Summary number their fields alike. */
function readPoints(reader: WireReader): Points {
  const readers: WireReader[] = [];
  let temporality = 0;
  let isMonotonic = false;
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) readers.push(reader.message());
    else if (field === 2) temporality = reader.int32();
    else if (field === 3) isMonotonic = reader.bool();
    else reader.skip();
  }
  return { readers, temporality, isMonotonic };
}

function addRows(kind: number, points: Points, metric: MetricFields, rows: DecodedRows): void {
  const { temporality, isMonotonic } = points;
  for (const point of points.readers) {
    if (kind === GAUGE) rows.otel_metrics_gauge.push(readNumberPoint(point, metric));
    else if (kind === SUM) {
      rows.otel_metrics_sum.push({
        ...readNumberPoint(point, metric),
        AggregationTemporality: temporality,
        IsMonotonic: isMonotonic,
      });
    } else if (kind === HISTOGRAM) {
      rows.otel_metrics_histogram.push(readHistogramPoint(point, metric, temporality));
    } else if (kind === EXPONENTIAL_HISTOGRAM) {
      rows.otel_metrics_exponential_histogram.push(
        readExponentialPoint(point, metric, temporality),
      );
    } else rows.otel_metrics_summary.push(readSummaryPoint(point, metric));
  }
}
