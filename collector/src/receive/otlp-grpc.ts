import {
  Metadata,
  Server,
  status,
  type sendUnaryData,
  type ServerReadableStream,
  type ServiceDefinition,
} from '@grpc/grpc-js';
import { HTTP_BATCH_ID } from '@flotilla/contracts';
import { ProblemError, type Logger } from '@flotilla/service';
import type { PeerDevices } from './client-certificate.ts';
import { SIGNALS, type Arrival, type Signal } from './export-request.ts';
import { encodeResult, encodeRetryStatus } from './otlp-answers.ts';
import { readBatchId } from './otlp-headers.ts';
import { receive, type ReceiveParts } from './receiver.ts';

const identity = (bytes: Buffer) => bytes;

/**
 * OTLP/gRPC: the Export calls of the three services on raw bytes, without generated code. gzip is
 * undone by the gRPC library, which also holds the size limit. Everything else is UNIMPLEMENTED,
 * which the library answers by itself, uncounted.
 */
export function grpcServer(parts: ReceiveParts, peers: PeerDevices, logger: Logger): Server {
  const server = new Server({
    'grpc.max_receive_message_length': parts.maxBodyBytes,
    'grpc.max_concurrent_streams': 1000,
    'grpc.enable_channelz': 0,
  });
  for (const signal of SIGNALS) {
    const service: ServiceDefinition = {
      Export: {
        path: signal.grpcMethod,
        // Declared unary; the same on the wire. A streaming handler is called before the request is
        // read, so who is unknown or over its rate sends no more than a flow-control window.
        requestStream: true,
        responseStream: false,
        requestSerialize: identity,
        requestDeserialize: identity,
        responseSerialize: identity,
        responseDeserialize: identity,
      },
    };
    server.addService(service, {
      Export: (call: ServerReadableStream<Buffer, Buffer>, done: sendUnaryData<Buffer>) =>
        void answer(call, done, arrivalOf(call, signal, peers), parts, logger),
    });
  }
  return server;
}

async function answer(
  call: ServerReadableStream<Buffer, Buffer>,
  done: sendUnaryData<Buffer>,
  arrival: Arrival,
  parts: ReceiveParts,
  logger: Logger,
): Promise<void> {
  try {
    done(null, encodeResult(await receive(arrival, parts)));
  } catch (error) {
    if (!(error instanceof ProblemError)) throw error;
    if (error.code === 'internal') logger.error({ err: error.cause }, 'request failed');
    done(refusal(error));
  }
}

function arrivalOf(
  call: ServerReadableStream<Buffer, Buffer>,
  signal: Signal,
  peers: PeerDevices,
): Arrival {
  const header = (name: string) => call.metadata.get(name)[0];
  const authorization = header('authorization');
  return {
    signal,
    credentials: {
      authorization: typeof authorization === 'string' ? authorization : undefined,
      certificateDeviceId: peers.deviceOf(call.getPeer()),
    },
    readBatchId: () => readBatchId(header(HTTP_BATCH_ID)),
    declaredBytes: 0,
    readBody: () => readMessage(call),
  };
}

/** The one message of the call. */
function readMessage(call: ServerReadableStream<Buffer, Buffer>): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const refuse = (detail: string) => reject(new ProblemError('malformed_body', { detail }));
    let message: Buffer | undefined;
    let ended = false;
    call.on('data', (bytes: Buffer) => {
      if (message === undefined) message = bytes;
      else refuse('the call has more than one message');
    });
    call.once('end', () => {
      ended = true;
      if (message === undefined) refuse('the call has no message');
      else resolve(message);
    });
    // Every call says so at last. Here it is only counted: the library knows why, and has answered.
    const cut = () => {
      if (ended) return;
      refuse('the call ended in its message: too large, not gzip, past its deadline or given up');
    };
    call.once('cancelled', cut);
    // While its token was checked, perhaps.
    if (call.cancelled) cut();
  });
}

/** Status codes of the OTLP specification ("OTLP/gRPC Response", "Failures"). */
function refusal(problem: ProblemError): { code: status; details: string; metadata: Metadata } {
  const code = codeOf(problem);
  const metadata = new Metadata();
  // Without RetryInfo, RESOURCE_EXHAUSTED is not retryable.
  if (problem.retryAfterSeconds !== undefined) {
    metadata.set(
      'grpc-status-details-bin',
      encodeRetryStatus(code, problem, problem.retryAfterSeconds),
    );
  }
  return { code, details: problem.message, metadata };
}

function codeOf(problem: ProblemError): status {
  switch (problem.status) {
    case 401:
      return status.UNAUTHENTICATED;
    case 403:
      return status.PERMISSION_DENIED;
    case 413:
    case 429:
      return status.RESOURCE_EXHAUSTED;
    case 503:
      return status.UNAVAILABLE;
    default:
      return problem.status < 500 ? status.INVALID_ARGUMENT : status.INTERNAL;
  }
}
