import {
  Metadata,
  Server,
  ServerCredentials,
  status,
  type sendUnaryData,
  type ServerUnaryCall,
  type ServiceDefinition,
} from '@grpc/grpc-js';
import { HTTP_BATCH_ID } from '@flotilla/contracts';
import { ProblemError, type Logger } from '@flotilla/service';
import { deviceIdOf } from './client-certificate.ts';
import { SIGNALS, type Signal } from './export-request.ts';
import { encodeResult, encodeRetryStatus } from './otlp-answers.ts';
import { readBatchId } from './otlp-headers.ts';
import { receive, type ReceiveParts } from './receiver.ts';

const identity = (bytes: Buffer) => bytes;

/**
 * OTLP/gRPC: the Export calls of the three services on raw bytes, without generated code. gzip is
 * undone by the gRPC library, which also holds the size limit. Everything else is UNIMPLEMENTED.
 */
export function grpcServer(parts: ReceiveParts, logger: Logger): Server {
  const server = new Server({
    'grpc.max_receive_message_length': parts.maxBodyBytes,
    'grpc.max_concurrent_streams': 1000,
  });
  for (const signal of SIGNALS) {
    const service: ServiceDefinition = {
      Export: {
        path: signal.grpcMethod,
        requestStream: false,
        responseStream: false,
        requestSerialize: identity,
        requestDeserialize: identity,
        responseSerialize: identity,
        responseDeserialize: identity,
      },
    };
    server.addService(service, {
      Export: (call: ServerUnaryCall<Buffer, Buffer>, done: sendUnaryData<Buffer>) =>
        void answer(call, done, signal, parts, logger),
    });
  }
  return server;
}

export { ServerCredentials };

async function answer(
  call: ServerUnaryCall<Buffer, Buffer>,
  done: sendUnaryData<Buffer>,
  signal: Signal,
  parts: ReceiveParts,
  logger: Logger,
): Promise<void> {
  const header = (name: string) => call.metadata.get(name)[0];
  const authorization = header('authorization');
  const certificate = call.getAuthContext().sslPeerCertificate;
  try {
    const result = await receive(
      {
        signal,
        credentials: {
          authorization: typeof authorization === 'string' ? authorization : undefined,
          certificateDeviceId: certificate === undefined ? null : deviceIdOf(certificate),
        },
        readBatchId: () => readBatchId(header(HTTP_BATCH_ID)),
        readBody: () => call.request,
      },
      parts,
    );
    done(null, encodeResult(result));
  } catch (error) {
    if (!(error instanceof ProblemError)) throw error;
    if (error.code === 'internal') logger.error({ err: error.cause }, 'request failed');
    done(refusal(error));
  }
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
