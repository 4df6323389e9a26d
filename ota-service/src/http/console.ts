import fastifyStatic from '@fastify/static';
import type { FastifyInstance } from 'fastify';

/** Paths the console's own router understands; a reload of one must bring the console up. */
const CLIENT_ROUTES = [
  '/devices',
  '/devices/*',
  '/campaigns',
  '/campaigns/*',
  '/firmware',
  '/firmware/*',
  '/provisioning',
] as const;

const SECURITY_HEADERS = {
  'content-security-policy':
    "default-src 'self'; style-src 'self' 'unsafe-inline'; frame-ancestors 'none'; base-uri 'self'; object-src 'none'",
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
} as const;

/** Serves the console's built files from a folder. They hold no secret, so there is no sign-in here. */
export function registerConsole(app: FastifyInstance, folder: string): void {
  app.addHook('onSend', (_request, reply, payload, done) => {
    void reply.headers(SECURITY_HEADERS);
    done(null, payload);
  });
  void app.register(fastifyStatic, {
    root: folder,
    cacheControl: false,
    // The build lays a smaller copy beside each file, for who takes it.
    preCompressed: true,
    // Built files carry a hash in their name, the page itself does not.
    setHeaders: (reply, path) => {
      const isAsset = /[.-][A-Za-z0-9_-]{8,}\.(js|css|woff2|svg|png)(\.br)?$/.test(path);
      void reply.header('cache-control', isAsset ? 'max-age=31536000, immutable' : 'no-cache');
    },
  });
  for (const route of CLIENT_ROUTES) {
    app.get(route, (_request, reply) => reply.sendFile('index.html'));
  }
}
