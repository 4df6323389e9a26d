import { ValueType, type Attributes, type HrTime } from '@opentelemetry/api';
import { ProtobufLogsSerializer, ProtobufMetricsSerializer } from '@opentelemetry/otlp-transformer';
import { resourceFromAttributes } from '@opentelemetry/resources';
import type { ReadableLogRecord } from '@opentelemetry/sdk-logs';
import {
  AggregationTemporality,
  DataPointType,
  type ResourceMetrics,
  type MetricData,
} from '@opentelemetry/sdk-metrics';

/** Bytes as OpenTelemetry's own SDK writes them, so that the decoder is checked by a stranger. */
export function logsRequest(records: readonly ReadableLogRecord[]): Uint8Array {
  const bytes = ProtobufLogsSerializer.serializeRequest([...records]);
  if (bytes === undefined) throw new Error('nothing was serialised');
  return bytes;
}

export function metricsRequest(metrics: ResourceMetrics): Uint8Array {
  const bytes = ProtobufMetricsSerializer.serializeRequest(metrics);
  if (bytes === undefined) throw new Error('nothing was serialised');
  return bytes;
}

export function hrTime(ms: number): HrTime {
  const seconds = Math.floor(ms / 1000);
  return [seconds, Math.round((ms - seconds * 1000) * 1e6)];
}

export function deviceResource(deviceId: string, more: Attributes = {}) {
  return resourceFromAttributes({
    'device.id': deviceId,
    'device.model.identifier': 'sensor-1',
    'service.name': 'flotilla-device',
    'service.version': '1.0.0',
    ...more,
  });
}

export function logRecord(
  deviceId: string,
  atMs: number,
  more: Omit<Partial<ReadableLogRecord>, 'severityNumber'> & { severityNumber?: number } = {},
): ReadableLogRecord {
  const record: ReadableLogRecord = {
    hrTime: hrTime(atMs),
    hrTimeObserved: hrTime(atMs),
    body: 'line',
    attributes: {},
    droppedAttributesCount: 0,
    instrumentationScope: { name: 'test', version: '1' },
    resource: deviceResource(deviceId),
  };
  return Object.assign(record, more as object);
}

export function gauge(name: string, points: readonly [number, number, Attributes?][]): MetricData {
  return {
    descriptor: { name, description: `about ${name}`, unit: '1', valueType: ValueType.DOUBLE },
    aggregationTemporality: AggregationTemporality.CUMULATIVE,
    dataPointType: DataPointType.GAUGE,
    dataPoints: points.map(([atMs, value, attributes]) => ({
      startTime: hrTime(atMs),
      endTime: hrTime(atMs),
      attributes: attributes ?? {},
      value,
    })),
  };
}

export function metricsOf(deviceId: string, metrics: readonly MetricData[]): ResourceMetrics {
  return {
    resource: deviceResource(deviceId),
    scopeMetrics: [{ scope: { name: 'test', version: '2' }, metrics: [...metrics] }],
  };
}
