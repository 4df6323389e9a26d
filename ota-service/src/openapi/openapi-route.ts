import type { FastifyInstance } from 'fastify';
import { OPERATIONS } from './catalogue.ts';
import { openApiDocument } from './openapi-document.ts';

/** Open to anyone: it names what there is, and nothing of anybody's fleet. */
export function registerOpenApiRoute(app: FastifyInstance, version: string): void {
  const text = JSON.stringify(openApiDocument(OPERATIONS, version));
  app.get('/api/v1/openapi.json', (_request, reply) =>
    reply.type('application/json').header('cache-control', 'no-cache').send(text),
  );
}
