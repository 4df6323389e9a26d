import { Agent, request } from 'node:http';
import { DEVICE, type FuzzRequest, type FuzzTarget } from './fuzz-input.ts';
import { metricsRequest } from '../testing/otlp-requests.ts';

const HEALTHY: FuzzRequest = { body: metricsRequest({ 'device.id': DEVICE }, 2) };
const ANSWER_TIMEOUT_MS = 120_000;

/** Sends over a few connections that it keeps, and counts how many it had to open. */
export class FuzzClient implements FuzzTarget<FuzzRequest> {
  readonly healthyAnswer = 200;
  readonly #agent: Agent;
  readonly #url: string;
  readonly #token: string;
  opened = 0;
  /** Answers with `connection: close`: those after which a new connection is no fault. */
  closedByServer = 0;

  constructor(url: string, token: string, connections: number) {
    this.#url = url;
    this.#token = token;
    this.#agent = new Agent({ keepAlive: true, maxSockets: connections });
  }

  /** The status, once the whole answer is here. */
  async send(input: FuzzRequest): Promise<number> {
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    const sent = request(
      this.#url + (input.path ?? '/v1/metrics'),
      {
        agent: this.#agent,
        method: input.method ?? 'POST',
        headers: this.#headers(input),
        timeout: ANSWER_TIMEOUT_MS,
      },
      (response) => {
        if (response.headers.connection === 'close') this.closedByServer += 1;
        response.once('error', reject);
        response.once('end', () => resolve(response.statusCode ?? 0));
        response.resume();
      },
    );
    sent.once('socket', () => (this.opened += sent.reusedSocket ? 0 : 1));
    sent.once('timeout', () => sent.destroy(new Error(`no answer in ${ANSWER_TIMEOUT_MS} ms`)));
    sent.once('error', reject);
    sent.end(input.body);
    return promise;
  }

  healthy(): Promise<number> {
    return this.send(HEALTHY);
  }

  describe({ method, path, headers, body }: FuzzRequest): string {
    const start = body.toString('hex', 0, 400);
    return `${method ?? 'POST'} ${path ?? ''} ${JSON.stringify(headers ?? {})}; ${body.length} bytes ${start}`;
  }

  close(): void {
    this.#agent.destroy();
  }

  #headers(input: FuzzRequest): Record<string, string> {
    const headers: Record<string, string | null> = {
      authorization: `Bearer ${this.#token}`,
      'content-type': 'application/x-protobuf',
      ...(input.chunked === true
        ? { 'transfer-encoding': 'chunked' }
        : { 'content-length': String(input.body.length) }),
      ...input.headers,
    };
    return Object.fromEntries(
      Object.entries(headers).filter((entry): entry is [string, string] => entry[1] !== null),
    );
  }
}
