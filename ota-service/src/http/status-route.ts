import type { FastifyInstance } from 'fastify';

export interface ServiceStatus {
  readonly version: string;
  readonly uptimeSeconds: number;
}

export function registerStatusRoute(
  app: FastifyInstance,
  deps: { readonly version: string; readonly startedAtMs: number; readonly clock: () => number },
): void {
  app.get('/api/v1/status', (): ServiceStatus => ({
    version: deps.version,
    uptimeSeconds: Math.floor((deps.clock() - deps.startedAtMs) / 1000),
  }));
}
