import { hash } from 'node:crypto';
import type { Attribute, Metric } from '@flotilla/otlp';

/** Half of a SHA-256 is more than enough to tell a site's series apart. */
const SHORT_CHARACTERS = 22;

/** Bytes as text of the same length, so that they can be part of a Map's key. */
export function bytesKey(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}

/** The same for the same attributes in any order. */
export function attributesKey(attributes: readonly Attribute[]): string {
  return attributes
    .map(({ key, value }) => `${key.length}:${key}=${value.length}:${bytesKey(value)}`)
    .sort()
    .join(',');
}

/** What makes two metrics the same (OTel metrics data model, "Timeseries Model"). */
export function metricKey({ name, unit, data }: Metric): string {
  const temporality = 'temporality' in data ? data.temporality : 0;
  const monotonic = data.kind === 'sum' && data.monotonic;
  return `${data.kind}|${temporality}|${monotonic}|${unit.length}:${unit}|${name}`;
}

/** A key of 22 characters in place of a long one, to be kept. */
export function shortKey(key: string): string {
  return hash('sha256', key, 'base64url').slice(0, SHORT_CHARACTERS);
}
