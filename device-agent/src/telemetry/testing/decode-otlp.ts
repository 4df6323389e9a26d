import { readProtobufFields, type ProtobufField } from '@flotilla/otlp-queue';

/** Field numbers are those of opentelemetry-proto v1: common, resource, logs and metrics. */
type Value = string | number | boolean | null;
export type DecodedAttributes = Record<string, Value>;

export interface DecodedLog {
  readonly resource: DecodedAttributes;
  readonly timeUnixNano: bigint;
  readonly observedTimeUnixNano: bigint;
  readonly severityNumber: number;
  readonly severityText: string;
  readonly body: Value;
  readonly eventName: string;
  readonly attributes: DecodedAttributes;
}

export interface DecodedPoint {
  readonly resource: DecodedAttributes;
  readonly name: string;
  readonly unit: string;
  readonly kind: 'gauge' | 'sum';
  readonly monotonic: boolean;
  /** 1 delta, 2 cumulative; 0 for a gauge. */
  readonly temporality: number;
  readonly value: number;
  readonly attributes: DecodedAttributes;
  readonly timeUnixNano: bigint;
}

/** The log records of an ExportLogsServiceRequest. */
export function decodeLogs(body: Uint8Array): DecodedLog[] {
  return all(body, 1).flatMap((resourceLogs) => {
    const resource = decodeResource(resourceLogs);
    return all(resourceLogs, 2).flatMap((scopeLogs) =>
      all(scopeLogs, 2).map((record) => ({
        resource,
        timeUnixNano: big(record, 1),
        observedTimeUnixNano: big(record, 11),
        severityNumber: Number(big(record, 2)),
        severityText: text(record, 3),
        body: all(record, 5).map(decodeValue)[0] ?? null,
        eventName: text(record, 12),
        attributes: decodeAttributes(record, 6),
      })),
    );
  });
}

/** The number points of an ExportMetricsServiceRequest. */
export function decodePoints(body: Uint8Array): DecodedPoint[] {
  return all(body, 1).flatMap((resourceMetrics) => {
    const resource = decodeResource(resourceMetrics);
    const metrics = all(resourceMetrics, 2).flatMap((scopeMetrics) => all(scopeMetrics, 2));
    return metrics.flatMap((metric) => [
      ...all(metric, 5).flatMap((gauge) => decodeData(resource, metric, 'gauge', gauge)),
      ...all(metric, 7).flatMap((sum) => decodeData(resource, metric, 'sum', sum)),
    ]);
  });
}

function decodeData(
  resource: DecodedAttributes,
  metric: Uint8Array,
  kind: 'gauge' | 'sum',
  data: Uint8Array,
): DecodedPoint[] {
  return all(data, 1).map((point) => ({
    resource,
    name: text(metric, 1),
    unit: text(metric, 3),
    kind,
    monotonic: big(data, 3) === 1n,
    temporality: Number(big(data, 2)),
    value: pointValue(point),
    attributes: decodeAttributes(point, 7),
    timeUnixNano: big(point, 3),
  }));
}

function pointValue(point: Uint8Array): number {
  const field = readProtobufFields(point).find(({ number }) => number === 4 || number === 6);
  if (field === undefined) throw new Error('a point without a value');
  const bits = field.value as bigint;
  return field.number === 4 ? double(bits) : Number(BigInt.asIntN(64, bits));
}

function decodeResource(message: Uint8Array): DecodedAttributes {
  return Object.fromEntries(
    all(message, 1).flatMap((resource) => Object.entries(decodeAttributes(resource, 1))),
  );
}

function decodeAttributes(message: Uint8Array, field: number): DecodedAttributes {
  return Object.fromEntries(
    all(message, field).map((pair) => [text(pair, 1), all(pair, 2).map(decodeValue)[0] ?? null]),
  );
}

/** AnyValue: string, bool, int and double are all we write. */
function decodeValue(message: Uint8Array): Value {
  const field = readProtobufFields(message)[0];
  if (field === undefined) return null;
  if (field.number === 1) return decodeText(field);
  const bits = field.value as bigint;
  if (field.number === 2) return bits === 1n;
  if (field.number === 3) return Number(BigInt.asIntN(64, bits));
  if (field.number === 4) return double(bits);
  throw new Error(`AnyValue field ${field.number} is not expected here`);
}

function double(bits: bigint): number {
  const view = new DataView(new ArrayBuffer(8));
  view.setBigUint64(0, bits);
  return view.getFloat64(0);
}

function all(message: Uint8Array, field: number): Uint8Array[] {
  return readProtobufFields(message)
    .filter(({ number }) => number === field)
    .map(({ value }) => value as Uint8Array);
}

function big(message: Uint8Array, field: number): bigint {
  const found = readProtobufFields(message).find(({ number }) => number === field);
  return found === undefined ? 0n : BigInt(found.value as bigint | number);
}

function text(message: Uint8Array, field: number): string {
  const found = readProtobufFields(message).find(({ number }) => number === field);
  return found === undefined ? '' : decodeText(found);
}

function decodeText(field: ProtobufField): string {
  return new TextDecoder().decode(field.value as Uint8Array);
}
