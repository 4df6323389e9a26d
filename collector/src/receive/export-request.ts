import { TOPIC_LOGS, TOPIC_METRICS, TOPIC_SPANS } from '@flotilla/contracts';
import type { SignalName } from '../admit/item-walk.ts';

/** A kind of telemetry: names and paths of the OTLP specification, and the log topic it goes to. */
export interface Signal {
  readonly signal: SignalName;
  /** "OTLP/HTTP Request". */
  readonly path: string;
  /** Service and method of opentelemetry/proto/collector/<signal>/v1. */
  readonly grpcMethod: string;
  readonly topic: string;
  /** Field of Export…PartialSuccess in JSON that counts what was refused. */
  readonly rejectedField: string;
}

export const SIGNALS: readonly Signal[] = [
  {
    signal: 'metrics',
    path: '/v1/metrics',
    grpcMethod: '/opentelemetry.proto.collector.metrics.v1.MetricsService/Export',
    topic: TOPIC_METRICS,
    rejectedField: 'rejectedDataPoints',
  },
  {
    signal: 'logs',
    path: '/v1/logs',
    grpcMethod: '/opentelemetry.proto.collector.logs.v1.LogsService/Export',
    topic: TOPIC_LOGS,
    rejectedField: 'rejectedLogRecords',
  },
  {
    signal: 'traces',
    path: '/v1/traces',
    grpcMethod: '/opentelemetry.proto.collector.trace.v1.TraceService/Export',
    topic: TOPIC_SPANS,
    rejectedField: 'rejectedSpans',
  },
];

/** What a connection and its request's headers say about the sender. */
export interface Credentials {
  /** The Authorization header. */
  readonly authorization: string | undefined;
  /** Device id of a client certificate that the listener has verified; null when there is none. */
  readonly certificateDeviceId: string | null;
}

/** One export request of either transport, before its body is read. */
export interface Arrival {
  readonly signal: Signal;
  readonly credentials: Credentials;
  /** The sender's name for this batch, the same on every retry; null when it gave none. */
  readonly readBatchId: () => string | null;
  /** What it says it will send; 0 when it does not say, or says more than is read. */
  readonly declaredBytes: number;
  /** The request in protobuf. Called once, and only for a sender who is known and within its rate. */
  readonly readBody: () => Buffer | Promise<Buffer>;
}

/** Items the answer reports as refused while the rest was taken ("Partial Success"). */
export interface ExportResult {
  readonly rejectedItems: number;
  /** Empty when everything was taken. */
  readonly message: string;
}

/** One device's part of a request, as it goes on. */
export interface Telemetry {
  readonly deviceId: string;
  readonly batchId: string | null;
  /** An OTLP protobuf request with this device's resources only. */
  readonly body: Uint8Array;
  /** How far this device's implausible times were moved; absent when none were. */
  readonly clockOffsetMs?: number;
}
