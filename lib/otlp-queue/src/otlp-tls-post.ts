import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';
import { createSecureContext } from 'node:tls';
import type { Logger } from '@flotilla/service';
import { postThrough, type Post } from './otlp-http-post.ts';

/** PEM texts. */
export interface ClientTls {
  /** Trusted in place of the system's authorities. */
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
}

const READ_AGAIN_MS = 60_000;

/**
 * As postItem, with a certificate of the sender's and an authority of its own. `read` is called again
 * after a while, so that a renewed certificate is taken without a restart; when it fails then, the
 * last one stays in use. Throws what the first `read` throws.
 */
export function tlsPost(read: () => ClientTls, logger: Logger, now: () => number): Post {
  let tls = read();
  let agent = agentFor(tls);
  let readAtMs = now();
  const current = (): Agent => {
    if (now() - readAtMs < READ_AGAIN_MS) return agent;
    readAtMs = now();
    try {
      const next = read();
      if (JSON.stringify(next) === JSON.stringify(tls)) return agent;
      // Throws on a pair that does not fit, e.g. while only one of the files is new.
      const nextAgent = agentFor(next);
      agent.destroy();
      tls = next;
      agent = nextAgent;
    } catch (err) {
      logger.error({ err }, 'the certificate for the collector cannot be read again');
    }
    return agent;
  };
  return postThrough(async ({ url, headers, body, signal }) => {
    const sent = request(url, { method: 'POST', headers, signal, agent: current() });
    const answered = once(sent, 'response');
    // After the answer has begun, a fault ends the reading of its body; unheard here it would end the process.
    sent.on('error', () => undefined);
    sent.end(body);
    const [response] = (await answered) as [IncomingMessage];
    return {
      status: response.statusCode ?? 0,
      header: (name) => {
        const value = response.headers[name];
        return typeof value === 'string' ? value : null;
      },
      body: response,
    };
  });
}

function agentFor(tls: ClientTls): Agent {
  createSecureContext(tls);
  return new Agent({ ...tls, keepAlive: true });
}
