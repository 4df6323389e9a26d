import { once } from 'node:events';
import { createServer, request as httpRequest, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

const LOST_PER_PATH = 2;

export interface DeafProxy {
  readonly url: string;
  /** Answers that were not passed on. */
  readonly lostAnswers: number;
  close(): Promise<void>;
}

/** Passes requests on to `target`, but the first two answers of every path get lost on the way back. */
export async function startDeafProxy(target: string): Promise<DeafProxy> {
  const answers = new Map<string, number>();
  let lostAnswers = 0;
  const server = createServer((incoming, outgoing) => {
    const forward = async () => {
      const body = await buffer(incoming);
      const { method, headers, url = '' } = incoming;
      const sent = httpRequest(`${target}${url}`, { method, headers });
      sent.end(body);
      const [answer] = (await once(sent, 'response')) as [IncomingMessage];
      const answerBody = await buffer(answer);
      const count = (answers.get(url) ?? 0) + 1;
      answers.set(url, count);
      if (count <= LOST_PER_PATH) {
        lostAnswers += 1;
        outgoing.destroy();
        return;
      }
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      outgoing.end(answerBody);
    };
    forward().catch((error: unknown) => {
      outgoing.destroy(error instanceof Error ? error : undefined);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get lostAnswers() {
      return lostAnswers;
    },
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
