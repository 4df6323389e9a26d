import type { FastifyInstance } from 'fastify';
import { OPERATIONS } from './catalogue.ts';
import { openApiDocument } from './openapi-document.ts';

/** Open to anyone: it names what there is, and nothing of anybody's fleet. */
export function registerOpenApiRoute(app: FastifyInstance, version: string): void {
  // Made when it is first asked for: it takes longer than all else at the service's start.
  let text: string | undefined;
  app.get('/api/v1/openapi.json', (_request, reply) => {
    text ??= JSON.stringify(openApiDocument(OPERATIONS, version));
    return reply.type('application/json').header('cache-control', 'no-cache').send(text);
  });
}
