import { setTimeout as delay } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';

const POLL_MS = 50;

/** Answers given while closing end their connection; must be called before routes are added. */
export function endConnectionsWhenClosing(app: FastifyInstance): void {
  let closing = false;
  app.addHook('preClose', (done) => {
    closing = true;
    done();
  });
  app.addHook('onSend', (_request, reply, _payload, done) => {
    if (closing) reply.header('connection', 'close');
    done();
  });
}

/**
 * Closes after the requests in flight, or after `graceMs`. A connection that falls idle only after the
 * close began would otherwise stay until its keep-alive ends.
 */
export async function closeServer(app: FastifyInstance, graceMs: number): Promise<void> {
  let closed = false;
  const closing = app.close().finally(() => (closed = true));
  const deadline = performance.now() + graceMs;
  while (!closed && performance.now() < deadline) {
    app.server.closeIdleConnections();
    await delay(POLL_MS);
  }
  if (!closed) app.server.closeAllConnections();
  await closing;
}
