import { credentials, makeGenericClientConstructor, Metadata, type Client } from '@grpc/grpc-js';
import { HTTP_BATCH_ID } from '@flotilla/contracts';
import { otlpJsonToProtobuf } from '@flotilla/otlp';
import { SIGNALS } from '../../../src/receive/export-request.ts';
import { tokenFor } from '../../testing/collector-harness.ts';

export type Transport = 'protobuf' | 'json' | 'grpc';
type SignalName = (typeof SIGNALS)[number]['signal'];

/** One reading of a device: a gauge, and counters of two CPUs since `startMs`. */
export interface Reading {
  readonly deviceId: string;
  readonly timeMs: number;
  readonly startMs: number;
  readonly gauge: number;
  readonly counters: readonly [number, number];
}

const resource = (deviceId: string) => ({
  attributes: [{ key: 'device.id', value: { stringValue: deviceId } }],
});
const nanos = (timeMs: number) => `${timeMs}000000`;

/** OTLP's JSON of an ExportMetricsServiceRequest. */
export function metricsOf({ deviceId, timeMs, startMs, gauge, counters }: Reading): object {
  const timeUnixNano = nanos(timeMs);
  const dataPoints = counters.map((count, cpu) => ({
    timeUnixNano,
    startTimeUnixNano: nanos(startMs),
    asInt: String(count),
    attributes: [{ key: 'cpu', value: { intValue: String(cpu) } }],
  }));
  const metrics = [
    { name: 'level', unit: '1', gauge: { dataPoints: [{ timeUnixNano, asDouble: gauge }] } },
    {
      name: 'counted',
      unit: '1',
      sum: { aggregationTemporality: 2, isMonotonic: true, dataPoints },
    },
  ];
  return { resourceMetrics: [{ resource: resource(deviceId), scopeMetrics: [{ metrics }] }] };
}

/** … of an ExportLogsServiceRequest with one record. */
export function logOf(deviceId: string, timeMs: number, text: string): object {
  const logRecords = [{ timeUnixNano: nanos(timeMs), body: { stringValue: text } }];
  return { resourceLogs: [{ resource: resource(deviceId), scopeLogs: [{ logRecords }] }] };
}

/** … of an ExportTraceServiceRequest with one span. */
export function spanOf(deviceId: string, timeMs: number, name: string): object {
  const time = nanos(timeMs);
  const spans = [
    {
      traceId: '0af7651916cd43dd8448eb211c80319c',
      spanId: 'b7ad6b7169203331',
      name,
      startTimeUnixNano: time,
      endTimeUnixNano: time,
    },
  ];
  return { resourceSpans: [{ resource: resource(deviceId), scopeSpans: [{ spans }] }] };
}

/** Sends as a local agent does; rejects unless it is acknowledged in full. */
export class LocalAgent {
  readonly #deviceId: string;
  readonly #transport: Transport;

  constructor(deviceId: string, transport: Transport) {
    this.#deviceId = deviceId;
    this.#transport = transport;
  }

  async send(
    addresses: Readonly<Record<string, string>>,
    name: SignalName,
    request: object,
    batchId: string,
  ): Promise<void> {
    const signal = SIGNALS.find((each) => each.signal === name)!;
    const json = Buffer.from(JSON.stringify(request));
    const authorization = `Bearer ${await tokenFor(this.#deviceId)}`;
    if (this.#transport === 'grpc') {
      const body = otlpJsonToProtobuf(name, json);
      await callGrpc(addresses['otlpGrpc']!, signal.grpcMethod, body, authorization, batchId);
      return;
    }
    const isJson = this.#transport === 'json';
    const response = await fetch(`${addresses['otlp']}${signal.path}`, {
      method: 'POST',
      headers: {
        'content-type': isJson ? 'application/json' : 'application/x-protobuf',
        authorization,
        [HTTP_BATCH_ID]: batchId,
      },
      body: new Uint8Array(isJson ? json : otlpJsonToProtobuf(name, json)),
    });
    const answer = await response.text();
    if (response.status !== 200) throw new RefusedError(response.status, answer);
  }
}

export class RefusedError extends Error {
  readonly status: number;

  constructor(status: number, answer: string) {
    super(`${status}: ${answer}`);
    this.status = status;
  }
}

async function callGrpc(
  url: string,
  method: string,
  body: Buffer,
  authorization: string,
  batchId: string,
): Promise<void> {
  const metadata = new Metadata();
  metadata.set('authorization', authorization);
  metadata.set(HTTP_BATCH_ID, batchId);
  const same = (bytes: Buffer) => bytes;
  const target = url.slice('http://'.length);
  const constructor = makeGenericClientConstructor({}, 'otlp');
  const client: Client = new constructor(target, credentials.createInsecure());
  try {
    await new Promise<void>((resolve, reject) => {
      client.makeUnaryRequest(method, same, same, body, metadata, (error) => {
        if (error === null) resolve();
        else reject(error);
      });
    });
  } finally {
    client.close();
  }
}
