import type { ClickHouseClient } from '@clickhouse/client';
import { EVENT_FIRMWARE_CRASH, SERVICE_NAME_DEVICE } from '@flotilla/contracts';

export interface TelemetryDevice {
  readonly id: string;
  readonly version: string;
}

export interface Point {
  readonly atMs: number;
  /** Shares, 0 to 1. */
  readonly cpu?: number;
  readonly memory?: number;
}

export interface Line {
  readonly atMs: number;
  readonly kind: 'error' | 'crash';
}

/** As the pipeline loads an agent's gauges. */
export async function insertPoints(
  warehouse: ClickHouseClient,
  telemetry: readonly { readonly device: TelemetryDevice; readonly points: readonly Point[] }[],
): Promise<void> {
  const values = telemetry.flatMap(({ device, points }) =>
    points.flatMap(({ atMs, cpu, memory }) => [
      ...(cpu === undefined ? [] : [gauge(device, 'system.cpu.utilization', atMs, cpu, {})]),
      ...(memory === undefined
        ? []
        : [
            gauge(device, 'system.memory.utilization', atMs, memory, {
              'system.memory.state': 'used',
            }),
          ]),
    ]),
  );
  await warehouse.insert({ table: 'otel_metrics_gauge', format: 'JSONEachRow', values });
}

/** As the pipeline loads an agent's log records. */
export async function insertLines(
  warehouse: ClickHouseClient,
  telemetry: readonly { readonly device: TelemetryDevice; readonly lines: readonly Line[] }[],
): Promise<void> {
  const values = telemetry.flatMap(({ device, lines }) =>
    lines.map(({ atMs, kind }) => ({
      Timestamp: timeOf(atMs),
      ServiceName: SERVICE_NAME_DEVICE,
      SeverityText: 'ERROR',
      SeverityNumber: 17,
      Body: kind,
      EventName: kind === 'crash' ? EVENT_FIRMWARE_CRASH : '',
      ResourceAttributes: resourceOf(device),
    })),
  );
  if (values.length > 0)
    await warehouse.insert({ table: 'otel_logs', format: 'JSONEachRow', values });
}

function gauge(
  device: TelemetryDevice,
  name: string,
  atMs: number,
  value: number,
  attributes: Record<string, string>,
) {
  return {
    ServiceName: SERVICE_NAME_DEVICE,
    MetricName: name,
    Attributes: attributes,
    TimeUnix: timeOf(atMs),
    Value: value,
    ResourceAttributes: resourceOf(device),
  };
}

function resourceOf({ id, version }: TelemetryDevice) {
  return {
    'device.id': id,
    'device.model.identifier': 'sensor',
    'service.version': version,
  };
}

function timeOf(atMs: number): string {
  return new Date(atMs).toISOString().replace('T', ' ').replace('Z', '');
}
