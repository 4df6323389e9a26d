import type { Socket } from 'node:net';
import { HTTP_BATCH_ID } from '@flotilla/contracts';
import { OtlpJsonError, otlpJsonToProtobuf } from '@flotilla/otlp';
import { ProblemError, type Logger } from '@flotilla/service';
import { certificateDeviceId } from './client-certificate.ts';
import type { Arrival, Signal } from './export-request.ts';
import { encodeResult, encodeStatus, resultToJson } from './otlp-answers.ts';
import {
  OTLP_JSON,
  OTLP_PROTOBUF,
  readBatchId,
  readEncoding,
  readMediaType,
  type ExportHeaders,
} from './otlp-headers.ts';
import { receive, type ReceiveParts } from './receiver.ts';
import { decodeBody, tooLarge } from './request-body.ts';

/** A POST to one of OTLP/HTTP's paths, however it was read. */
export interface HttpExport {
  readonly signal: Signal;
  readonly headers: ExportHeaders;
  readonly socket: Socket;
  /** Called at most once. The body as it travelled, of `maxBytes` at most. */
  readonly readRaw: (maxBytes: number) => Buffer | Promise<Buffer>;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | number>>;
  readonly body: string | Buffer;
}

/** Takes an export request in and says what to answer. */
export async function exchange(
  request: HttpExport,
  parts: ReceiveParts,
  logger: Logger,
): Promise<HttpAnswer> {
  const { signal } = request;
  const isJson = readMediaType(request.headers) === OTLP_JSON;
  try {
    const result = await receive(arrivalOf(request, isJson, parts), parts);
    return answerWith(200, isJson, isJson ? resultToJson(result, signal) : encodeResult(result));
  } catch (error) {
    // Anything else would be a fault of `receive`, which must end the process and not be swallowed.
    if (!(error instanceof ProblemError)) throw error;
    if (error.code === 'internal') logger.error({ err: error.cause }, 'request failed');
    return refusal(error, isJson);
  }
}

/** Headers as everywhere else, the body as the OTLP specification asks ("Failures"). */
export function refusal(problem: ProblemError, isJson: boolean): HttpAnswer {
  const { message, status, retryAfterSeconds } = problem;
  return answerWith(status, isJson, isJson ? JSON.stringify({ message }) : encodeStatus(message), {
    ...(retryAfterSeconds !== undefined && { 'retry-after': retryAfterSeconds }),
    ...(status === 401 && { 'www-authenticate': 'Bearer' }),
  });
}

function answerWith(
  status: number,
  isJson: boolean,
  body: string | Buffer,
  more: HttpAnswer['headers'] = {},
): HttpAnswer {
  const type = isJson ? OTLP_JSON : OTLP_PROTOBUF;
  const length = Buffer.byteLength(body);
  return { status, headers: { ...more, 'content-type': type, 'content-length': length }, body };
}

function arrivalOf(
  { signal, headers, socket, readRaw }: HttpExport,
  isJson: boolean,
  { maxBodyBytes }: ReceiveParts,
): Arrival {
  const length = Number(headers['content-length'] ?? 0);
  return {
    signal,
    credentials: {
      authorization: headers.authorization,
      certificateDeviceId: certificateDeviceId(socket),
    },
    readBatchId: () => readBatchId(headers[HTTP_BATCH_ID]),
    declaredBytes: length <= maxBodyBytes ? length : 0,
    readBody: () => {
      const encoding = readEncoding(headers);
      // What is too large is refused unread.
      if (length > maxBodyBytes) throw tooLarge(maxBodyBytes);
      const raw = readRaw(maxBodyBytes);
      if (encoding === 'identity' && !isJson) return raw;
      return decoded(raw, (bytes) => decodeBody(bytes, encoding, maxBodyBytes), isJson, signal);
    },
  };
}

async function decoded(
  raw: Buffer | Promise<Buffer>,
  decode: (raw: Buffer) => Buffer | Promise<Buffer>,
  isJson: boolean,
  signal: Signal,
): Promise<Buffer> {
  const body = await decode(await raw);
  if (!isJson) return body;
  try {
    return otlpJsonToProtobuf(signal.signal, body);
  } catch (cause) {
    if (!(cause instanceof OtlpJsonError)) throw cause;
    throw new ProblemError('malformed_body', { detail: cause.message, cause });
  }
}
