import { once } from 'node:events';
import { connect, constants, type ClientHttp2Session, type IncomingHttpHeaders } from 'node:http2';
import { connect as connectSocket } from 'node:net';
import { SIGNALS } from '../../src/receive/export-request.ts';
import { metricsRequest } from '../testing/otlp-requests.ts';
import { DEVICE, type Answer, type FuzzTarget } from './fuzz-input.ts';

/** One call, or what stands in its place. What is left out stays as in a healthy call. */
export type GrpcInput =
  | {
      readonly path?: string;
      readonly headers?: Readonly<Record<string, string | undefined>>;
      /** The request as it goes out, each in a DATA frame of its own where it fits one. */
      readonly parts: readonly Buffer[];
    }
  /** A call whose connection is dropped, or which is reset, after these bytes. */
  | { readonly abandoned: Buffer; readonly by: 'reset' | 'connection' }
  /** Bytes of a connection that is no HTTP/2. */
  | { readonly raw: Buffer };

/** Answers to what has no code: nobody is left to hear one. */
export const NOBODY_LEFT = 'nobody left';
const METRICS = SIGNALS[0]?.grpcMethod ?? '';
const SESSIONS = 4;
const ANSWER_TIMEOUT_MS = 120_000;

/** gRPC's Length-Prefixed-Message; `declaredBytes` is its length when it tells the truth. */
export function frame(message: Buffer, flag = 0, declaredBytes = message.length): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt8(flag, 0);
  head.writeUInt32BE(declaredBytes, 1);
  return Buffer.concat([head, message]);
}

const HEALTHY: GrpcInput = { parts: [frame(metricsRequest({ 'device.id': DEVICE }, 2))] };

/** gRPC calls over node:http2 itself, which sends what no gRPC library would. */
export class GrpcFuzzClient implements FuzzTarget<GrpcInput> {
  readonly healthyAnswer = 0;
  readonly #url: string;
  readonly #token: string;
  readonly #sessions: ClientHttp2Session[] = [];
  #turn = 0;
  /** Connections for calls, not counting those that are to be dropped. */
  opened = 0;
  closedByServer = 0;

  constructor(url: string, token: string) {
    this.#url = url;
    this.#token = token;
  }

  send(input: GrpcInput): Promise<Answer> {
    if ('raw' in input) return this.#sendRaw(input.raw);
    if ('abandoned' in input) return this.#abandon(input.abandoned, input.by);
    const stream = this.#session().request(this.#headers(input.path, input.headers));
    const { promise, resolve } = Promise.withResolvers<Answer>();
    let answer: Answer | undefined;
    const read = (headers: IncomingHttpHeaders) => {
      const code = headers['grpc-status'];
      if (code !== undefined) answer ??= Number(code);
      const status = headers[':status'];
      if (status !== undefined && Number(status) !== 200) answer ??= `HTTP ${String(status)}`;
    };
    stream.on('response', read);
    stream.on('trailers', read);
    stream.resume();
    stream.setTimeout(ANSWER_TIMEOUT_MS, () => {
      answer ??= `no answer in ${ANSWER_TIMEOUT_MS} ms`;
      stream.close();
    });
    // An answer that comes before the request's end leaves it unsent.
    stream.once('end', () => stream.close());
    stream.once('error', (error) => (answer ??= String(error)));
    stream.once('close', () => resolve(answer ?? `reset with code ${stream.rstCode}`));
    for (const part of input.parts) stream.write(part);
    stream.end();
    return promise;
  }

  healthy(): Promise<Answer> {
    return this.send(HEALTHY);
  }

  describe(input: GrpcInput): string {
    return JSON.stringify(input, (_, value: unknown) =>
      Array.isArray(value) && value.length > 200
        ? `${value.length} bytes ${Buffer.from(value as number[]).toString('hex', 0, 400)}`
        : value,
    ).slice(0, 2000);
  }

  close(): void {
    for (const session of this.#sessions) session.destroy();
  }

  #headers(path = METRICS, headers: Readonly<Record<string, string | undefined>> = {}) {
    return {
      ':method': 'POST',
      ':path': path,
      'content-type': 'application/grpc',
      te: 'trailers',
      authorization: `Bearer ${this.#token}`,
      ...headers,
    };
  }

  #session(): ClientHttp2Session {
    this.#turn = (this.#turn + 1) % SESSIONS;
    const known = this.#sessions[this.#turn];
    if (known !== undefined && !known.closed && !known.destroyed) return known;
    this.opened += 1;
    const session = connect(this.#url);
    session.on('error', () => undefined);
    session.once('goaway', () => (this.closedByServer += 1));
    this.#sessions[this.#turn] = session;
    return session;
  }

  /** On a connection of its own: resets are counted per connection, and too many end it. */
  async #abandon(bytes: Buffer, by: 'reset' | 'connection'): Promise<Answer> {
    const session = connect(this.#url);
    session.on('error', () => undefined);
    const closed = once(session, 'close');
    const stream = session.request(this.#headers());
    stream.on('error', () => undefined);
    await new Promise((resolve) => stream.write(bytes, resolve));
    if (by === 'reset') {
      const ended = once(stream, 'close');
      stream.close(constants.NGHTTP2_CANCEL);
      await ended;
      session.close();
    } else session.destroy();
    await closed;
    return NOBODY_LEFT;
  }

  async #sendRaw(bytes: Buffer): Promise<Answer> {
    const { hostname, port } = new URL(this.#url);
    const socket = connectSocket(Number(port), hostname);
    socket.on('error', () => undefined);
    socket.resume();
    const closed = once(socket, 'close');
    socket.end(bytes);
    await closed;
    return NOBODY_LEFT;
  }
}
