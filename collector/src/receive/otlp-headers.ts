import { HTTP_BATCH_ID } from '@flotilla/contracts';
import { ProblemError } from '@flotilla/service';
import { CONTENT_ENCODINGS, type ContentEncoding } from './request-body.ts';

export const OTLP_PROTOBUF = 'application/x-protobuf';
export const OTLP_JSON = 'application/json';
export type MediaType = typeof OTLP_PROTOBUF | typeof OTLP_JSON;

/** Fields of an export request that mean something here, by their names in lower case. */
export interface ExportHeaders {
  readonly authorization?: string | undefined;
  readonly 'content-length'?: string | undefined;
  readonly 'content-type'?: string | undefined;
  readonly 'content-encoding'?: string | undefined;
  readonly [HTTP_BATCH_ID]?: unknown;
}

const BATCH_ID = /^[A-Za-z0-9._~-]{1,64}$/;

/** What the body is, or null for a type that OTLP does not have. */
export function readMediaType(headers: ExportHeaders): MediaType | null {
  const given = headers['content-type'];
  if (given === OTLP_PROTOBUF || given === OTLP_JSON) return given;
  const mediaType = given?.split(';')[0]?.trim().toLowerCase();
  return mediaType === OTLP_PROTOBUF || mediaType === OTLP_JSON ? mediaType : null;
}

/** Throws ProblemError `unsupported_media_type`. */
export function readEncoding(headers: ExportHeaders): ContentEncoding {
  if (readMediaType(headers) === null) {
    throw new ProblemError('unsupported_media_type', {
      detail: `content-type must be ${OTLP_PROTOBUF} or ${OTLP_JSON}`,
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

/** The sender's name for this batch; null when it gave none. Throws ProblemError `validation_failed`. */
export function readBatchId(value: unknown): string | null {
  if (value === undefined) return null;
  if (typeof value !== 'string' || !BATCH_ID.test(value)) {
    throw new ProblemError('validation_failed', {
      detail: `${HTTP_BATCH_ID} must be 1 to 64 of A-Z a-z 0-9 . _ ~ -`,
    });
  }
  return value;
}
