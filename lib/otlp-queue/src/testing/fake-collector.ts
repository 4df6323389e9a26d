import { once } from 'node:events';
import {
  createServer,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  type ServerResponse,
} from 'node:http';
import { buffer } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';
import { HTTP_BATCH_ID } from '@flotilla/contracts';

export interface ReceivedRequest {
  readonly path: string;
  readonly batchId: string;
  readonly headers: IncomingMessage['headers'];
  /** After decompression. */
  readonly body: Uint8Array;
  readonly receivedAtMs: number;
}

export interface CollectorAnswer {
  readonly status: number;
  readonly headers?: OutgoingHttpHeaders;
  readonly body?: Uint8Array | string;
}

export interface FakeCollector {
  readonly url: string;
  /** Every request in order of arrival, whatever was answered. */
  readonly requests: readonly ReceivedRequest[];
  /** Those answered with a 2xx. */
  readonly accepted: readonly ReceivedRequest[];
  /** From now on answers come from `answer`; 'hang' gives none. */
  answerWith(answer: (request: ReceivedRequest) => CollectorAnswer | 'hang'): void;
  close(): Promise<void>;
}

/** A real HTTP server in place of the collector. It takes everything until told otherwise. */
export async function startFakeCollector(port = 0): Promise<FakeCollector> {
  const requests: ReceivedRequest[] = [];
  const accepted: ReceivedRequest[] = [];
  let answer: (request: ReceivedRequest) => CollectorAnswer | 'hang' = () => ({ status: 200 });

  const handle = async (incoming: IncomingMessage, response: ServerResponse): Promise<void> => {
    const raw = await buffer(incoming);
    const { headers } = incoming;
    const request: ReceivedRequest = {
      path: incoming.url ?? '',
      batchId: String(headers[HTTP_BATCH_ID]),
      headers,
      body: headers['content-encoding'] === 'gzip' ? gunzipSync(raw) : raw,
      receivedAtMs: Date.now(),
    };
    requests.push(request);
    const given = answer(request);
    if (given === 'hang') return;
    if (given.status >= 200 && given.status < 300) accepted.push(request);
    response.writeHead(given.status, {
      'content-type': 'application/x-protobuf',
      ...given.headers,
    });
    response.end(given.body);
  };
  const server = createServer((incoming, response) => {
    handle(incoming, response).catch((error: unknown) => {
      response.destroy(error instanceof Error ? error : undefined);
    });
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');

  return {
    url: `http://127.0.0.1:${address.port}`,
    requests,
    accepted,
    answerWith: (next) => {
      answer = next;
    },
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
