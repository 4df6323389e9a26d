import type { IncomingHttpHeaders } from 'node:http';
import { HTTP_BATCH_ID } from '@flotilla/contracts';
import { ProblemError } from '@flotilla/service';
import { CONTENT_ENCODINGS, type ContentEncoding } from './request-body.ts';

export const OTLP_PROTOBUF = 'application/x-protobuf';
const BATCH_ID = /^[A-Za-z0-9._~-]{1,64}$/;

/** What the headers say about the body. Throws ProblemError `unsupported_media_type`. */
export function readEncoding(headers: IncomingHttpHeaders): ContentEncoding {
  const mediaType = headers['content-type']?.split(';')[0]?.trim().toLowerCase();
  if (mediaType !== OTLP_PROTOBUF) {
    throw new ProblemError('unsupported_media_type', {
      detail: `content-type must be ${OTLP_PROTOBUF}`,
    });
  }
  const given = headers['content-encoding']?.trim().toLowerCase() ?? 'identity';
  const encoding = CONTENT_ENCODINGS.find((known) => known === given);
  if (encoding === undefined) {
    throw new ProblemError('unsupported_media_type', {
      detail: `content-encoding must be one of ${CONTENT_ENCODINGS.join(', ')}`,
    });
  }
  return encoding;
}

/** The sender's name for this batch, the same on every retry; null when it gave none. */
export function readBatchId(headers: IncomingHttpHeaders): string | null {
  const value = headers[HTTP_BATCH_ID];
  if (value === undefined) return null;
  if (typeof value !== 'string' || !BATCH_ID.test(value)) {
    throw new ProblemError('validation_failed', {
      detail: `${HTTP_BATCH_ID} must be 1 to 64 of A-Z a-z 0-9 . _ ~ -`,
    });
  }
  return value;
}
