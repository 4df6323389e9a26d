import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { HTTP_BATCH_ID } from '@flotilla/contracts';
import { OtlpJsonError, otlpJsonToProtobuf } from '@flotilla/otlp';
import { ProblemError, type Logger } from '@flotilla/service';
import { certificateDeviceId } from './client-certificate.ts';
import { SIGNALS, type Signal } from './export-request.ts';
import { encodeResult, encodeStatus, resultToJson } from './otlp-answers.ts';
import {
  OTLP_JSON,
  OTLP_PROTOBUF,
  readBatchId,
  readEncoding,
  readMediaType,
} from './otlp-headers.ts';
import { receive, type ReceiveParts } from './receiver.ts';
import { readBody } from './request-body.ts';

export interface HttpReceiver {
  readonly listener: RequestListener;
  /** From now on every answer ends its connection. */
  beginClosing(): void;
}

/**
 * OTLP/HTTP on node:http itself, whose path alone is half of what a request may cost (40 of 80 µs,
 * measured). Requests for other paths go to `fallback`.
 */
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
  const isJson = readMediaType(request.headers) === OTLP_JSON;
  try {
    const result = await receive(arrivalOf(request, signal, isJson, parts), parts);
    const body = isJson ? resultToJson(result, signal) : encodeResult(result);
    send(response, 200, isJson, body);
  } catch (error) {
    // Anything else would be a fault of `receive`, which must end the process and not be swallowed.
    if (!(error instanceof ProblemError)) throw error;
    if (error.code === 'internal') logger.error({ err: error.cause }, 'request failed');
    refuse(response, error, isJson);
  }
}

function arrivalOf(
  request: IncomingMessage,
  signal: Signal,
  isJson: boolean,
  parts: ReceiveParts,
): Parameters<typeof receive>[0] {
  const { headers, socket } = request;
  return {
    signal,
    credentials: {
      authorization: headers.authorization,
      certificateDeviceId: certificateDeviceId(socket),
    },
    readBatchId: () => readBatchId(headers[HTTP_BATCH_ID]),
    declaredBytes: declaredBytes(headers['content-length'], parts.maxBodyBytes),
    readBody: () => {
      const body = readBody(request, readEncoding(headers), parts.maxBodyBytes);
      return isJson ? body.then((json) => fromJson(signal, json)) : body;
    },
  };
}

/** What is too large is refused unread. */
function declaredBytes(contentLength: string | undefined, maxBodyBytes: number): number {
  const bytes = Number(contentLength ?? 0);
  return bytes <= maxBodyBytes ? bytes : 0;
}

function fromJson(signal: Signal, body: Buffer): Buffer {
  try {
    return otlpJsonToProtobuf(signal.signal, body);
  } catch (cause) {
    if (!(cause instanceof OtlpJsonError)) throw cause;
    throw new ProblemError('malformed_body', { detail: cause.message, cause });
  }
}

/** Headers as everywhere else, the body as the OTLP specification asks ("Failures"). */
function refuse(response: ServerResponse, problem: ProblemError, isJson: boolean): void {
  if (problem.retryAfterSeconds !== undefined) {
    response.setHeader('retry-after', String(problem.retryAfterSeconds));
  }
  if (problem.status === 401) response.setHeader('www-authenticate', 'Bearer');
  const { message } = problem;
  send(
    response,
    problem.status,
    isJson,
    isJson ? JSON.stringify({ message }) : encodeStatus(message),
  );
}

function refuseMethod(response: ServerResponse, signal: Signal): void {
  response.setHeader('allow', 'POST');
  const detail = `${signal.path} takes POST`;
  refuse(response, new ProblemError('method_not_allowed', { detail }), false);
}

function send(response: ServerResponse, status: number, isJson: boolean, body: string | Buffer) {
  response.writeHead(status, {
    'content-type': isJson ? OTLP_JSON : OTLP_PROTOBUF,
    'content-length': Buffer.byteLength(body),
  });
  // Without a body the head goes out in a single write.
  if (body.length === 0) response.end();
  else response.end(body);
}
