import type { IncomingMessage } from 'node:http';
import type { FastifyError, FastifyInstance, FastifyReply } from 'fastify';
import { TOPIC_LOGS, TOPIC_METRICS, type ProblemCode } from '@flotilla/contracts';
import { ProblemError, sendProblem } from '@flotilla/service';
import type { DeviceTokens } from '../admit/device-tokens.ts';
import type { RateLimiter } from '../admit/rate-limit.ts';
import { checkResourceIdentity } from '../admit/resource-identity.ts';
import type { CollectorMetrics } from '../collector-metrics.ts';
import type { TelemetryForwarder } from '../forward/telemetry-forwarder.ts';
import { OTLP_PROTOBUF, readBatchId, readEncoding } from './otlp-headers.ts';
import { encodeStatus } from './otlp-status.ts';
import { readBody } from './request-body.ts';

/** Paths of the OTLP specification ("OTLP/HTTP Request"). */
export const SIGNALS = [
  { signal: 'metrics', path: '/v1/metrics', topic: TOPIC_METRICS },
  { signal: 'logs', path: '/v1/logs', topic: TOPIC_LOGS },
] as const;
export type Signal = (typeof SIGNALS)[number];

export interface ReceiveParts {
  readonly tokens: DeviceTokens;
  readonly rateLimiter: RateLimiter;
  readonly forwarder: TelemetryForwarder;
  readonly metrics: CollectorMetrics;
  readonly maxBodyBytes: number;
  readonly clock: () => number;
}

/** Adds the OTLP/HTTP receiver; its refusals are OTLP's, so it has an error handler of its own. */
export async function addOtlpRoutes(app: FastifyInstance, parts: ReceiveParts): Promise<void> {
  await app.register((scope, _options, done) => {
    scope.removeAllContentTypeParsers();
    // The receiver reads the stream itself, once it knows whose it is.
    scope.addContentTypeParser('*', (_request, _payload, parsed) => parsed(null));
    for (const signal of SIGNALS) addSignal(scope, signal, parts);
    done();
  });
}

function addSignal(scope: FastifyInstance, signal: Signal, parts: ReceiveParts): void {
  scope.route({
    method: 'POST',
    url: signal.path,
    handler: async (request, reply) => {
      const outcome = await receive(request.raw, signal, parts);
      parts.metrics.countRequest(signal.signal, outcome);
      // An empty Export…ServiceResponse has no bytes.
      return reply.code(200).type(OTLP_PROTOBUF).send(Buffer.alloc(0));
    },
    errorHandler: (error: FastifyError | ProblemError, request, reply) => {
      const problem = error instanceof ProblemError ? error : fromFastify(error);
      parts.metrics.countRequest(signal.signal, problem.code);
      if (problem.status === 500) request.log.error({ err: error }, 'request failed');
      void sendStatus(reply, problem);
    },
  });
  scope.route({
    method: ['GET', 'HEAD', 'PUT', 'PATCH', 'DELETE'],
    url: signal.path,
    handler: (request, reply) => {
      const detail = `${signal.path} takes POST`;
      reply.header('allow', 'POST');
      return sendProblem(reply, new ProblemError('method_not_allowed', { detail }), request.url);
    },
  });
}

async function receive(
  request: IncomingMessage,
  signal: Signal,
  parts: ReceiveParts,
): Promise<'accepted' | 'empty'> {
  const { deviceId } = await parts.tokens.authenticate(request.headers.authorization);
  const rate = parts.rateLimiter.take(deviceId, parts.clock());
  if (!rate.allowed) {
    throw new ProblemError('too_many_requests', {
      detail: `${deviceId} sends faster than its limit`,
      retryAfterSeconds: rate.retryAfterSeconds,
    });
  }
  const encoding = readEncoding(request.headers);
  const batchId = readBatchId(request.headers);
  const body = await readBody(request, encoding, parts.maxBodyBytes);
  const identity = checkResourceIdentity(body, deviceId);
  switch (identity.verdict) {
    case 'malformed':
      throw new ProblemError('malformed_body', {
        detail: `not an OTLP request: ${identity.reason}`,
      });
    case 'mismatch':
      throw new ProblemError('identity_mismatch', { detail: identity.reason });
    case 'empty':
      return 'empty';
    case 'match':
      await parts.forwarder.forward(signal, { deviceId, batchId, body });
      return 'accepted';
  }
}

function fromFastify(error: FastifyError): ProblemError {
  const status = error.statusCode ?? 500;
  const code: ProblemCode =
    status === 413
      ? 'body_too_large'
      : status === 415
        ? 'unsupported_media_type'
        : status >= 400 && status < 500
          ? 'malformed_body'
          : 'internal';
  // An internal message may name paths, so it stays in the log.
  const detail = code === 'internal' ? 'the collector failed' : error.message;
  return new ProblemError(code, { detail, cause: error });
}

/** Headers as everywhere else, the body as the OTLP specification asks ("Failures"). */
function sendStatus(reply: FastifyReply, problem: ProblemError): FastifyReply {
  if (problem.retryAfterSeconds !== undefined) {
    reply.header('retry-after', String(problem.retryAfterSeconds));
  }
  if (problem.status === 401) reply.header('www-authenticate', 'Bearer');
  return reply.code(problem.status).type(OTLP_PROTOBUF).send(encodeStatus(problem.message));
}
