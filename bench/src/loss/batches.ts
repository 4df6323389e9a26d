import { WireWriter } from '@flotilla/otlp';
import { attribute, nested } from '../harness/otlp-fields.ts';

export const SIGNALS = ['metrics', 'logs'] as const;
export type Signal = (typeof SIGNALS)[number];

export const METRIC_NAME = 'flotilla.bench.sequence';

/** One request: `points` data points or log records that carry `first`, `first + 1`, … */
export function encodeBatch(
  signal: Signal,
  deviceId: string,
  first: number,
  points: number,
  nowMs: number,
): Uint8Array {
  const writer = new WireWriter();
  // Export…ServiceRequest.resource_* = 1; Resource…: resource = 1 (attributes = 1), scope_* = 2.
  nested(writer, 1, () => {
    nested(writer, 1, () => {
      attribute(writer, 1, 'device.id', deviceId);
      attribute(writer, 1, 'service.name', 'flotilla-device');
    });
    nested(writer, 2, () => {
      if (signal === 'metrics') gauge(writer, first, points, nowMs);
      else logRecords(writer, first, points, nowMs);
    });
  });
  return writer.finish();
}

/** metrics.proto: ScopeMetrics.metrics = 2, Metric.name = 1 and gauge = 5, Gauge.data_points = 1. */
function gauge(writer: WireWriter, first: number, points: number, nowMs: number): void {
  nested(writer, 2, () => {
    writer.string(1, METRIC_NAME);
    nested(writer, 5, () => {
      for (let i = 0; i < points; i += 1) {
        nested(writer, 1, () => {
          writer.fixed64(3, nanoseconds(nowMs, i));
          writer.double(4, first + i);
        });
      }
    });
  });
}

/** logs.proto: ScopeLogs.log_records = 2, LogRecord.time = 1, severity_number = 2, body = 5. */
function logRecords(writer: WireWriter, first: number, records: number, nowMs: number): void {
  for (let i = 0; i < records; i += 1) {
    nested(writer, 2, () => {
      writer.fixed64(1, nanoseconds(nowMs, i));
      writer.uint64(2, 9);
      nested(writer, 5, () => writer.string(1, String(first + i)));
    });
  }
}

function nanoseconds(nowMs: number, offset: number): bigint {
  return BigInt(nowMs) * 1_000_000n + BigInt(offset);
}
