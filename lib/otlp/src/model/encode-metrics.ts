import { WireWriter } from '../wire/wire-writer.ts';
import { HistogramFields, MetricFields, NumberFields } from './metric-fields.ts';
import type {
  Attribute,
  HistogramPoint,
  Metric,
  MetricData,
  MetricsRequest,
  NumberPoint,
  ResourceMetrics,
  ScopeMetrics,
} from './metrics-model.ts';

/** Encodes an ExportMetricsServiceRequest. */
export function encodeMetrics(request: MetricsRequest): Uint8Array {
  const writer = new WireWriter();
  for (const resource of request.resources) writeResourceMetrics(writer, resource);
  return writer.finish();
}

function writeResourceMetrics(
  writer: WireWriter,
  { resource, schemaUrl, scopes }: ResourceMetrics,
) {
  const mark = writer.begin(1);
  writer.bytes(1, resource);
  for (const scope of scopes) writeScopeMetrics(writer, scope);
  if (schemaUrl !== '') writer.string(3, schemaUrl);
  writer.end(mark);
}

function writeScopeMetrics(writer: WireWriter, { scope, schemaUrl, metrics }: ScopeMetrics): void {
  const mark = writer.begin(2);
  writer.bytes(1, scope);
  for (const metric of metrics) writeMetric(writer, metric);
  if (schemaUrl !== '') writer.string(3, schemaUrl);
  writer.end(mark);
}

function writeMetric(writer: WireWriter, { name, description, unit, data }: Metric): void {
  const mark = writer.begin(2);
  if (name !== '') writer.string(MetricFields.name, name);
  if (description !== '') writer.string(MetricFields.description, description);
  if (unit !== '') writer.string(MetricFields.unit, unit);
  const dataMark = writer.begin(MetricFields[data.kind]);
  writePoints(writer, data);
  if ('temporality' in data && data.temporality !== 0) writer.int64(2, data.temporality);
  if (data.kind === 'sum' && data.monotonic) writer.bool(3, true);
  writer.end(dataMark);
  writer.end(mark);
}

function writePoints(writer: WireWriter, data: MetricData): void {
  switch (data.kind) {
    case 'gauge':
    case 'sum':
      for (const point of data.points) writeNumber(writer, point);
      return;
    case 'histogram':
      for (const point of data.points) writeHistogram(writer, point);
      return;
    case 'exponential':
    case 'summary':
      for (const { encoded } of data.points) writer.bytes(1, encoded);
  }
}

function writeNumber(writer: WireWriter, point: NumberPoint): void {
  const mark = writer.begin(1);
  writeTimes(writer, point);
  if (typeof point.value === 'bigint') writer.sfixed64(NumberFields.asInt, point.value);
  else if (point.value !== null) writer.double(NumberFields.asDouble, point.value);
  for (const exemplar of point.exemplars) writer.bytes(NumberFields.exemplars, exemplar);
  writeAttributes(writer, NumberFields.attributes, point.attributes);
  if (point.flags !== 0) writer.uint64(NumberFields.flags, point.flags);
  writer.end(mark);
}

function writeHistogram(writer: WireWriter, point: HistogramPoint): void {
  const mark = writer.begin(1);
  writeTimes(writer, point);
  if (point.count !== 0n) writer.fixed64(HistogramFields.count, point.count);
  // Optional fields: present and zero is not the same as absent.
  if (point.sum !== undefined) writer.double(HistogramFields.sum, point.sum);
  if (point.bucketCounts.length > 0) {
    const packed = writer.begin(HistogramFields.bucketCounts);
    for (const count of point.bucketCounts) writer.packedFixed64(count);
    writer.end(packed);
  }
  if (point.bounds.length > 0) {
    const packed = writer.begin(HistogramFields.bounds);
    for (const bound of point.bounds) writer.packedDouble(bound);
    writer.end(packed);
  }
  for (const exemplar of point.exemplars) writer.bytes(HistogramFields.exemplars, exemplar);
  writeAttributes(writer, HistogramFields.attributes, point.attributes);
  if (point.flags !== 0) writer.uint64(HistogramFields.flags, point.flags);
  if (point.min !== undefined) writer.double(HistogramFields.min, point.min);
  if (point.max !== undefined) writer.double(HistogramFields.max, point.max);
  writer.end(mark);
}

/** NumberDataPoint and HistogramDataPoint have the times in the same fields. */
function writeTimes(
  writer: WireWriter,
  point: { readonly startTimeUnixNano: bigint; readonly timeUnixNano: bigint },
): void {
  if (point.startTimeUnixNano !== 0n) writer.fixed64(NumberFields.start, point.startTimeUnixNano);
  if (point.timeUnixNano !== 0n) writer.fixed64(NumberFields.time, point.timeUnixNano);
}

function writeAttributes(
  writer: WireWriter,
  field: number,
  attributes: readonly Attribute[],
): void {
  for (const { key, value } of attributes) {
    const mark = writer.begin(field);
    if (key !== '') writer.string(1, key);
    writer.bytes(2, value);
    writer.end(mark);
  }
}
