import { ProtobufLogsSerializer, ProtobufMetricsSerializer } from '@opentelemetry/otlp-transformer';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { AggregationTemporality, DataPointType } from '@opentelemetry/sdk-metrics';
import type { Attributes } from '@opentelemetry/api';

const scope = { name: 'test', version: '1.0.0' };
const time: [number, number] = [1_700_000_000, 5];

/** An ExportMetricsServiceRequest as the OpenTelemetry SDK serialises it. */
export function metricsRequest(attributes: Attributes, points = 1): Buffer {
  const bytes = ProtobufMetricsSerializer.serializeRequest({
    resource: resourceFromAttributes(attributes),
    scopeMetrics: [
      {
        scope,
        metrics: [
          {
            descriptor: {
              name: 'system.cpu.utilization',
              description: '',
              unit: '1',
              valueType: 1,
              type: 'GAUGE',
            } as never,
            aggregationTemporality: AggregationTemporality.CUMULATIVE,
            dataPointType: DataPointType.GAUGE,
            dataPoints: Array.from({ length: points }, (_, i) => ({
              startTime: time,
              endTime: time,
              attributes: { cpu: i },
              value: 0.25 + i,
            })),
          },
        ],
      },
    ],
  });
  return Buffer.from(bytes!);
}

/** An ExportLogsServiceRequest; one resource entry per set of attributes. */
export function logsRequest(...resources: Attributes[]): Buffer {
  const bytes = ProtobufLogsSerializer.serializeRequest(
    resources.map((attributes) => ({
      hrTime: time,
      hrTimeObserved: time,
      severityNumber: 9 as never,
      severityText: 'INFO',
      body: 'hello',
      resource: resourceFromAttributes(attributes),
      instrumentationScope: scope,
      attributes: { a: 'b' },
      droppedAttributesCount: 0,
    })),
  );
  return Buffer.from(bytes!);
}

/** One length-delimited protobuf field. */
export function field(number: number, ...content: (Uint8Array | string)[]): Buffer {
  const bytes = Buffer.concat(content.map((part) => Buffer.from(part as string)));
  const length: number[] = [];
  let rest = bytes.length;
  for (; rest > 0x7f; rest >>>= 7) length.push((rest & 0x7f) | 0x80);
  return Buffer.concat([Buffer.from([(number << 3) | 2, ...length, rest]), bytes]);
}
