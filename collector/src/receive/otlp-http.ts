import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { ProblemError, type Logger } from '@flotilla/service';
import { SIGNALS, type Signal } from './export-request.ts';
import { exchange, refusal, type HttpAnswer } from './http-exchange.ts';
import type { ReceiveParts } from './receiver.ts';
import { readStream } from './request-body.ts';

export interface HttpReceiver {
  readonly listener: RequestListener;
  /** From now on every answer ends its connection. */
  beginClosing(): void;
}

/** OTLP/HTTP on node:http itself. Requests for other paths go to `fallback`. */
export function httpReceiver(
  parts: ReceiveParts,
  logger: Logger,
  fallback: RequestListener,
): HttpReceiver {
  const signals = new Map(SIGNALS.map((signal) => [signal.path, signal]));
  let closing = false;
  return {
    listener: (request, response) => {
      if (closing) response.setHeader('connection', 'close');
      const signal = signals.get(pathOf(request.url ?? ''));
      if (signal === undefined) fallback(request, response);
      else if (request.method === 'POST') void answer(request, response, signal, parts, logger);
      else refuseMethod(response, signal);
    },
    beginClosing: () => (closing = true),
  };
}

function pathOf(url: string): string {
  const query = url.indexOf('?');
  return query === -1 ? url : url.slice(0, query);
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  signal: Signal,
  parts: ReceiveParts,
  logger: Logger,
): Promise<void> {
  const { headers, socket } = request;
  const readRaw = (maxBytes: number) => readStream(request, maxBytes);
  send(response, await exchange({ signal, headers, socket, readRaw }, parts, logger));
}

function refuseMethod(response: ServerResponse, signal: Signal): void {
  response.setHeader('allow', 'POST');
  const detail = `${signal.path} takes POST`;
  send(response, refusal(new ProblemError('method_not_allowed', { detail }), false));
}

function send(response: ServerResponse, { status, headers, body }: HttpAnswer): void {
  response.writeHead(status, headers);
  // Without a body the head goes out in a single write.
  if (body.length === 0) response.end();
  else response.end(body);
}
