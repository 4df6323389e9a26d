import { Agent, request } from 'node:https';
import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import type { SecureContextOptions } from 'node:tls';

/** Statuses whose answers have no body (Fetch, 2.2.3). */
const NO_BODY: ReadonlySet<number> = new Set([204, 205, 304]);

/**
 * `fetch` over TLS with roots and a certificate of one's own, which the platform's takes none of. What
 * this agent uses of it: method, headers, a text as body, a signal. A redirect is an error, always:
 * nothing of ours is for another server.
 */
export class TlsFetch {
  #agent: Agent;
  readonly #headers: Readonly<Record<string, string>>;

  constructor(context: SecureContextOptions, headers: Readonly<Record<string, string>> = {}) {
    this.#agent = agentFor(context);
    this.#headers = headers;
  }

  /** From the next request on; requests under way end as they began. */
  use(context: SecureContextOptions): void {
    const former = this.#agent;
    this.#agent = agentFor(context);
    closeIdle(former);
  }

  readonly fetch: typeof fetch = (input, init) =>
    new Promise((resolve, reject) => {
      const { body, method = 'GET', signal } = init ?? {};
      const url = input instanceof Request ? input.url : input;
      const sent = request(url, {
        method,
        headers: { ...Object.fromEntries(new Headers(init?.headers)), ...this.#headers },
        agent: this.#agent,
        ...(signal !== null && signal !== undefined && { signal }),
      });
      sent.once('error', (cause: NodeJS.ErrnoException) => {
        // The server ended an idle connection just when it was to be used again: it never saw this.
        if (sent.reusedSocket && cause.code === 'ECONNRESET' && signal?.aborted !== true) {
          resolve(this.fetch(input, init));
        } else reject(new TypeError('fetch failed', { cause }));
      });
      sent.once('response', (response) => {
        // From now on a fault ends the reading of the body.
        sent.on('error', () => undefined);
        if (isRedirect(response)) {
          response.destroy();
          reject(new TypeError('the answer is a redirect'));
        } else resolve(toResponse(response));
      });
      sent.end(typeof body === 'string' ? body : undefined);
    });

  close(): void {
    this.#agent.destroy();
  }
}

function agentFor(context: SecureContextOptions): Agent {
  return new Agent({ ...context, keepAlive: true, minVersion: 'TLSv1.2' });
}

function closeIdle(agent: Agent): void {
  for (const socket of Object.values(agent.freeSockets).flat()) socket?.destroy();
}

function isRedirect({ statusCode = 0 }: IncomingMessage): boolean {
  return statusCode >= 300 && statusCode < 400 && statusCode !== 304;
}

function toResponse(response: IncomingMessage): Response {
  const status = response.statusCode ?? 0;
  const headers = new Headers();
  for (const [name, value] of Object.entries(response.headers)) {
    for (const one of [value].flat()) if (one !== undefined) headers.append(name, one);
  }
  if (NO_BODY.has(status)) {
    response.resume();
    return new Response(null, { status, headers });
  }
  return new Response(Readable.toWeb(response) as ReadableStream<Uint8Array>, { status, headers });
}
