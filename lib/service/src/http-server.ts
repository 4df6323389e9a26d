import { STATUS_CODES } from 'node:http';
import { fastify, LogController } from 'fastify';
import type { FastifyBaseLogger, FastifyError, FastifyInstance, FastifyReply } from 'fastify';
import type { ProblemCode } from '@flotilla/contracts';
import type { Registry } from 'prom-client';
import { endConnectionsWhenClosing } from './close-server.ts';
import { KnownPaths } from './known-paths.ts';
import type { Logger } from './logger.ts';
import { ProblemError } from './problem-error.ts';

export interface HttpServerOptions {
  readonly logger: Logger;
  /** Served at /metrics when given. */
  readonly registry?: Registry;
  readonly bodyLimitBytes?: number;
  /** Answers /readyz; throws or returns a reason when not ready. */
  readonly readiness?: () => Promise<string | null>;
}

/** A fastify server with our problem answers, /healthz, /readyz and /metrics. */
export function createHttpServer(options: HttpServerOptions): FastifyInstance {
  const logger: FastifyBaseLogger = options.logger;
  const app = fastify({
    loggerInstance: logger,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: options.bodyLimitBytes ?? 1024 * 1024,
    // A stopping service finishes what it has accepted and then closes idle connections.
    forceCloseConnections: 'idle',
  });
  endConnectionsWhenClosing(app);
  app.setErrorHandler((error: FastifyError | ProblemError, request, reply) => {
    const problem = error instanceof ProblemError ? error : fromFastify(error);
    if (problem.status >= 500)
      request.log.error({ err: error, url: request.url }, 'request failed');
    return sendProblem(reply, problem, request.url);
  });
  const paths = new KnownPaths();
  app.addHook('onRoute', ({ url, method }) => paths.add(url, [method].flat()));
  app.setNotFoundHandler((request, reply) => {
    const [path = ''] = request.url.split('?', 1);
    const allowed = paths.methodsOf(path);
    const detail = `no ${request.method} ${request.url}`;
    if (allowed.length === 0) {
      return sendProblem(reply, new ProblemError('not_found', { detail }), request.url);
    }
    void reply.header('allow', allowed.join(', '));
    return sendProblem(reply, new ProblemError('method_not_allowed', { detail }), request.url);
  });
  app.get('/healthz', () => ({ status: 'ok' }));
  app.get('/readyz', async () => {
    const reason = (await options.readiness?.()) ?? null;
    if (reason !== null) throw new ProblemError('unavailable', { detail: reason });
    return { status: 'ready' };
  });
  const { registry } = options;
  if (registry !== undefined) {
    app.get('/metrics', async (_request, reply) =>
      reply.type(registry.contentType).send(await registry.metrics()),
    );
  }
  return app;
}

export function sendProblem(
  reply: FastifyReply,
  problem: ProblemError,
  instance: string,
): FastifyReply {
  if (problem.retryAfterSeconds !== undefined) {
    reply.header('retry-after', String(problem.retryAfterSeconds));
  }
  if (problem.status === 401) reply.header('www-authenticate', 'Bearer');
  return reply
    .code(problem.status)
    .type('application/problem+json')
    .send(JSON.stringify(problem.toProblem(instance)));
}

const BY_FASTIFY_CODE: Readonly<Record<string, ProblemCode>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'body_too_large',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'unsupported_media_type',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'malformed_body',
  FST_ERR_CTP_INVALID_JSON_BODY: 'malformed_body',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'malformed_body',
};

function fromFastify(error: FastifyError): ProblemError {
  const code = BY_FASTIFY_CODE[error.code];
  if (code !== undefined) return new ProblemError(code, { detail: error.message, cause: error });
  const status = error.statusCode ?? 500;
  if (status >= 400 && status < 500) {
    return new ProblemError('malformed_body', { detail: error.message, cause: error });
  }
  // The reason stays in the log: an internal message may name paths or queries.
  return new ProblemError('internal', { detail: STATUS_CODES[500] ?? 'error', cause: error });
}
