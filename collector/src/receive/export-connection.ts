import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { Logger } from '@flotilla/service';
import { exchange, type HttpAnswer } from './http-exchange.ts';
import type { ReceiveParts } from './receiver.ts';
import { cutShort } from './request-body.ts';
import { readRequestHead, type RequestHead } from './request-head.ts';

export interface ConnectionParts {
  readonly receive: ReceiveParts;
  readonly logger: Logger;
  /** How long a connection may lie idle, bring its first request, and bring the rest of one. */
  readonly keepAliveMs: number;
  readonly firstRequestMs: number;
  readonly requestMs: number;
  /** Gives the connection to node:http, which finds what was not taken yet unread. */
  readonly handOver: (socket: Socket) => void;
  /** It ended, or was handed over. */
  readonly onLeave: (connection: ExportConnection) => void;
}

interface Request {
  readonly head: RequestHead;
  /** Null until all of it is here. */
  body: Buffer | null;
  waiting: PromiseWithResolvers<Buffer> | null;
  isAnswered: boolean;
  /** Of a body that nobody wants any more. */
  unreadBytes: number;
}

/** A client learns it a little early, so that it does not send into the end. */
const KEEP_ALIVE_MARGIN_MS = 1_000;
const NOTHING = Buffer.alloc(0);

/**
 * A connection on which export requests follow each other, one at a time, without the streams and
 * objects that node:http makes for each: they cost more than all that is done with a small request
 * (measured). It reads only heads that are beyond doubt (`readRequestHead`); before the first other one,
 * which may well be the connection's first, node:http takes over for good.
 */
export class ExportConnection {
  readonly #socket: Socket;
  readonly #parts: ConnectionParts;
  /** Bytes that belong to no request yet. */
  #chunks: Buffer[] = [];
  #sizeBytes = 0;
  #request: Request | null = null;
  #isEnded = false;
  #isClosing = false;
  #deadlineMs: number;

  constructor(socket: Socket, parts: ConnectionParts) {
    this.#socket = socket;
    this.#parts = parts;
    this.#deadlineMs = performance.now() + parts.firstRequestMs;
    socket.on('data', this.#onData);
    socket.on('end', this.#onEnd);
    socket.on('error', this.#onError);
    socket.on('close', this.#onClose);
  }

  /** To be called now and then: ends it when it keeps us waiting for too long. */
  expire(nowMs: number): void {
    if (nowMs < this.#deadlineMs) return;
    if (this.#request === null) this.#socket.destroy();
    else this.#end('HTTP/1.1 408 Request Timeout\r\nconnection: close\r\n\r\n');
  }

  /** Ends it once the request under way is answered; at once when there is none. */
  close(): void {
    this.#isClosing = true;
    if (this.#request === null) this.#socket.destroy();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#chunks.push(chunk);
    this.#sizeBytes += chunk.length;
    this.#advance();
  };

  readonly #onEnd = (): void => {
    this.#isEnded = true;
    // Whoever has sent a whole request still listens.
    if (this.#request === null || this.#request.body === null) this.#socket.destroy();
  };

  /** The end follows. */
  readonly #onError = (): void => undefined;

  readonly #onClose = (): void => {
    this.#request?.waiting?.reject(cutShort());
    this.#parts.onLeave(this);
  };

  #advance(): void {
    while (!this.#isEnded || this.#sizeBytes > 0) {
      const request = this.#request;
      if (request === null) {
        if (this.#sizeBytes === 0 || !this.#begin()) return;
        continue;
      }
      if (request.body === null && request.isAnswered) this.#passOver(request);
      else if (request.body === null) this.#takeBody(request);
      if (request.body === null) return;
      if (!request.isAnswered) {
        // What comes meanwhile is the next request's, and waits with its sender.
        if (this.#sizeBytes > 0) this.#socket.pause();
        return;
      }
      this.#request = null;
      this.#socket.resume();
    }
    this.#socket.destroySoon();
  }

  /** Whether the next request is one for us. */
  #begin(): boolean {
    const { receive, logger, requestMs } = this.#parts;
    const bytes = this.#take(this.#sizeBytes);
    const head = readRequestHead(bytes);
    if (head === null || head.bodyBytes > receive.maxBodyBytes) {
      this.#handOver(bytes);
      return false;
    }
    if (bytes.length > head.sizeBytes) this.#keep(bytes.subarray(head.sizeBytes));
    const request: Request = {
      head,
      body: null,
      waiting: null,
      isAnswered: false,
      unreadBytes: head.bodyBytes,
    };
    this.#request = request;
    this.#deadlineMs = performance.now() + requestMs;
    this.#takeBody(request);
    const { signal, headers } = head;
    const readRaw = () => this.#readRaw(request);
    void exchange({ signal, headers, socket: this.#socket, readRaw }, receive, logger).then(
      (answer) => this.#answer(request, answer),
    );
    return true;
  }

  #takeBody(request: Request): void {
    const { bodyBytes } = request.head;
    if (this.#sizeBytes < bodyBytes) return;
    request.body = this.#take(bodyBytes);
    this.#deadlineMs = Infinity;
    request.waiting?.resolve(request.body);
  }

  /** Of one that was refused unread nothing is kept: strangers could fill the memory with it. */
  #passOver(request: Request): void {
    const bytes = this.#take(this.#sizeBytes);
    const passedBytes = Math.min(bytes.length, request.unreadBytes);
    request.unreadBytes -= passedBytes;
    if (passedBytes < bytes.length) this.#keep(bytes.subarray(passedBytes));
    if (request.unreadBytes > 0) return;
    request.body = NOTHING;
    this.#restDeadline();
  }

  #readRaw(request: Request): Buffer | Promise<Buffer> {
    if (request.body !== null) return request.body;
    if (this.#socket.destroyed) throw cutShort();
    request.waiting = Promise.withResolvers<Buffer>();
    return request.waiting.promise;
  }

  #answer(request: Request, answer: HttpAnswer): void {
    const socket = this.#socket;
    if (socket.destroyed) return;
    const isLast = this.#isClosing || this.#isEnded;
    const head = headOf(answer, isLast ? null : this.#parts.keepAliveMs);
    if (isLast) this.#end(head, answer.body);
    else if (write(socket, head, answer.body)) this.#goOn(request);
    else socket.once('drain', () => this.#goOn(request));
  }

  #goOn(request: Request): void {
    request.isAnswered = true;
    // Of one that was refused early, the rest still comes.
    if (request.body !== null) this.#restDeadline();
    this.#advance();
  }

  #restDeadline(): void {
    this.#deadlineMs = performance.now() + this.#parts.keepAliveMs + KEEP_ALIVE_MARGIN_MS;
  }

  #end(head: string, body: HttpAnswer['body'] = ''): void {
    write(this.#socket, head, body);
    this.#socket.destroySoon();
  }

  #handOver(bytes: Buffer): void {
    const socket = this.#socket;
    socket.off('data', this.#onData);
    socket.off('end', this.#onEnd);
    socket.off('error', this.#onError);
    socket.off('close', this.#onClose);
    this.#parts.onLeave(this);
    // Paused while it changes hands, so that nothing overtakes what was read already.
    socket.pause();
    socket.unshift(bytes);
    this.#parts.handOver(socket);
    socket.resume();
  }

  /** The first `sizeBytes` of what is here. */
  #take(sizeBytes: number): Buffer {
    const [first] = this.#chunks;
    const all =
      this.#chunks.length === 1 && first !== undefined ? first : Buffer.concat(this.#chunks);
    this.#chunks = [];
    this.#sizeBytes = 0;
    if (all.length === sizeBytes) return all;
    this.#keep(all.subarray(sizeBytes));
    return all.subarray(0, sizeBytes);
  }

  #keep(bytes: Buffer): void {
    this.#chunks.push(bytes);
    this.#sizeBytes += bytes.length;
  }
}

/** Whether the socket has taken it in. */
function write(socket: Socket, head: string, body: HttpAnswer['body']): boolean {
  if (body.length === 0) return socket.write(head, 'latin1');
  return socket.write(Buffer.concat([Buffer.from(head, 'latin1'), Buffer.from(body)]));
}

/** With the time, which RFC 9110, 6.6.1 asks for. Null ends the connection. */
function headOf({ status, headers }: HttpAnswer, keepAliveMs: number | null): string {
  let text = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n`;
  for (const name in headers) text += `${name}: ${headers[name] ?? ''}\r\n`;
  const connection =
    keepAliveMs === null
      ? 'connection: close\r\n'
      : `connection: keep-alive\r\nkeep-alive: timeout=${Math.floor(keepAliveMs / 1000)}\r\n`;
  return `${text}date: ${dateText()}\r\n${connection}\r\n`;
}

let date = { second: 0, text: '' };
function dateText(): string {
  const second = Math.floor(Date.now() / 1000);
  if (second !== date.second) date = { second, text: new Date(second * 1000).toUTCString() };
  return date.text;
}
