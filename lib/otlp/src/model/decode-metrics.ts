import { WireReader } from '../wire/wire-reader.ts';
import { HistogramFields, MetricFields, NumberFields } from './metric-fields.ts';
import type {
  Attribute,
  HistogramPoint,
  Metric,
  MetricData,
  MetricsRequest,
  NumberPoint,
  OpaquePoint,
  ResourceMetrics,
  ScopeMetrics,
} from './metrics-model.ts';

const NONE: Uint8Array = new Uint8Array(0);

/** Decodes an ExportMetricsServiceRequest; unknown fields are left out. Throws DecodeError. */
export function decodeMetrics(body: Uint8Array): MetricsRequest {
  const reader = new WireReader(body);
  const resources: ResourceMetrics[] = [];
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) resources.push(decodeResourceMetrics(reader.message()));
    else reader.skip();
  }
  return { resources };
}

function decodeResourceMetrics(reader: WireReader): ResourceMetrics {
  let resource = NONE;
  let schemaUrl = '';
  const scopes: ScopeMetrics[] = [];
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) resource = reader.bytes();
    else if (field === 2) scopes.push(decodeScopeMetrics(reader.message()));
    else if (field === 3) schemaUrl = reader.string();
    else reader.skip();
  }
  return { resource, schemaUrl, scopes };
}

function decodeScopeMetrics(reader: WireReader): ScopeMetrics {
  let scope = NONE;
  let schemaUrl = '';
  const metrics: Metric[] = [];
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) scope = reader.bytes();
    else if (field === 2) decodeMetric(reader.message(), metrics);
    else if (field === 3) schemaUrl = reader.string();
    else reader.skip();
  }
  return { scope, schemaUrl, metrics };
}

/** A metric without data says nothing and is left out. */
function decodeMetric(reader: WireReader, into: Metric[]): void {
  let name = '';
  let description = '';
  let unit = '';
  let data: MetricData | undefined;
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === MetricFields.name) name = reader.string();
    else if (field === MetricFields.description) description = reader.string();
    else if (field === MetricFields.unit) unit = reader.string();
    else if (field >= MetricFields.gauge && field <= MetricFields.summary) {
      data = decodeData(field, reader) ?? data;
    } else reader.skip();
  }
  if (data !== undefined) into.push({ name, description, unit, data });
}

function decodeData(field: number, reader: WireReader): MetricData | undefined {
  switch (field) {
    case MetricFields.gauge:
      return { kind: 'gauge', points: decodePoints(reader.message(), decodeNumber).points };
    case MetricFields.sum:
      return { kind: 'sum', ...decodePoints(reader.message(), decodeNumber) };
    case MetricFields.histogram: {
      const { temporality, points } = decodePoints(reader.message(), decodeHistogram);
      return { kind: 'histogram', temporality, points };
    }
    case MetricFields.exponential: {
      const { temporality, points } = decodePoints(reader.message(), decodeOpaque(1));
      return { kind: 'exponential', temporality, points };
    }
    case MetricFields.summary:
      return { kind: 'summary', points: decodePoints(reader.message(), decodeOpaque(7)).points };
    default:
      reader.skip();
      return undefined;
  }
}

/** Gauge, Sum, Histogram and the others agree on the fields they share. */
function decodePoints<Point>(reader: WireReader, decode: (reader: WireReader) => Point) {
  const points: Point[] = [];
  let temporality = 0;
  let monotonic = false;
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) points.push(decode(reader));
    else if (field === 2) temporality = reader.int32();
    else if (field === 3) monotonic = reader.bool();
    else reader.skip();
  }
  return { points, temporality, monotonic };
}

function decodeNumber(outer: WireReader): NumberPoint {
  const reader = outer.message();
  const attributes: Attribute[] = [];
  const exemplars: Uint8Array[] = [];
  let startTimeUnixNano = 0n;
  let timeUnixNano = 0n;
  let value: bigint | number | null = null;
  let flags = 0;
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === NumberFields.start) startTimeUnixNano = reader.fixed64();
    else if (field === NumberFields.time) timeUnixNano = reader.fixed64();
    else if (field === NumberFields.asDouble) value = reader.double();
    else if (field === NumberFields.exemplars) exemplars.push(reader.bytes());
    else if (field === NumberFields.asInt) value = reader.sfixed64();
    else if (field === NumberFields.attributes) attributes.push(decodeAttribute(reader.message()));
    else if (field === NumberFields.flags) flags = reader.uint32();
    else reader.skip();
  }
  return { attributes, startTimeUnixNano, timeUnixNano, value, exemplars, flags };
}

function decodeHistogram(outer: WireReader): HistogramPoint {
  const reader = outer.message();
  const attributes: Attribute[] = [];
  const exemplars: Uint8Array[] = [];
  const bucketCounts: bigint[] = [];
  const bounds: number[] = [];
  const times = { startTimeUnixNano: 0n, timeUnixNano: 0n };
  const optional: { sum?: number; min?: number; max?: number } = {};
  let count = 0n;
  let flags = 0;
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === HistogramFields.start) times.startTimeUnixNano = reader.fixed64();
    else if (field === HistogramFields.time) times.timeUnixNano = reader.fixed64();
    else if (field === HistogramFields.count) count = reader.fixed64();
    else if (field === HistogramFields.sum) optional.sum = reader.double();
    else if (field === HistogramFields.bucketCounts) {
      reader.repeatedFixed64(bucketCounts, (view, at) => view.getBigUint64(at, true));
    } else if (field === HistogramFields.bounds) {
      reader.repeatedFixed64(bounds, (view, at) => view.getFloat64(at, true));
    } else if (field === HistogramFields.exemplars) exemplars.push(reader.bytes());
    else if (field === HistogramFields.attributes) {
      attributes.push(decodeAttribute(reader.message()));
    } else if (field === HistogramFields.flags) flags = reader.uint32();
    else if (field === HistogramFields.min) optional.min = reader.double();
    else if (field === HistogramFields.max) optional.max = reader.double();
    else reader.skip();
  }
  return { attributes, ...times, count, ...optional, bucketCounts, bounds, exemplars, flags };
}

/** Exponential histograms and summaries have their times in the same fields, attributes not. */
function decodeOpaque(attributesField: number) {
  return (outer: WireReader): OpaquePoint => {
    const encoded = outer.bytes();
    const reader = new WireReader(encoded);
    const attributes: Attribute[] = [];
    let startTimeUnixNano = 0n;
    let timeUnixNano = 0n;
    for (let field = reader.next(); field !== 0; field = reader.next()) {
      if (field === attributesField) attributes.push(decodeAttribute(reader.message()));
      else if (field === NumberFields.start) startTimeUnixNano = reader.fixed64();
      else if (field === NumberFields.time) timeUnixNano = reader.fixed64();
      else reader.skip();
    }
    return { attributes, startTimeUnixNano, timeUnixNano, encoded };
  };
}

function decodeAttribute(reader: WireReader): Attribute {
  let key = '';
  let value = NONE;
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) key = reader.string();
    else if (field === 2) value = reader.bytes();
    else reader.skip();
  }
  return { key, value };
}
