import {
  firmwareViewSchema,
  type FirmwareUploadQuery,
  type FirmwareView,
} from '@flotilla/contracts';
import { isOutage, type ApiResult } from './api-failure.ts';
import { call, send, type ApiClientOptions } from './http-call.ts';

/** Small enough that progress is seen and a proxy does not give up, large enough to be quick. */
const PIECE_BYTES = 2 * 1024 * 1024;
const PIECE_TIMEOUT_MS = 120_000;
const RETRIES = 5;

const TUS = { 'tus-resumable': '1.0.0' };

export interface UploadProgress {
  readonly sentBytes: number;
  readonly totalBytes: number;
  /** The connection broke, and it is being tried again. */
  readonly isRetrying: boolean;
}

export interface UploadOptions {
  readonly file: Blob;
  readonly metadata: Partial<FirmwareUploadQuery> & Pick<FirmwareUploadQuery, 'model' | 'version'>;
  readonly onProgress: (progress: UploadProgress) => void;
  readonly signal: AbortSignal;
  /** Waits before a retry; `attempt` counts from 1. */
  readonly pause: (attempt: number) => Promise<void>;
}

/**
 * Sends an artifact piece by piece (tus 1.0.0), goes on after a broken connection where the service says
 * it stands, and makes a draft of it. Rejects only with the abort signal's reason.
 */
export async function uploadFirmware(
  api: ApiClientOptions,
  options: UploadOptions,
): Promise<ApiResult<FirmwareView>> {
  const patient = { ...api, timeoutMs: PIECE_TIMEOUT_MS };
  const created = await send(
    patient,
    '/api/v1/uploads',
    {
      method: 'POST',
      headers: {
        ...TUS,
        'upload-length': String(options.file.size),
        'upload-metadata': metadataHeader(options.metadata),
      },
    },
    options.signal,
  );
  if (!created.ok) return created;
  const id = created.value.headers.get('location')?.split('/').at(-1) ?? '';
  const path = `/api/v1/uploads/${id}`;
  const sent = await sendPieces(patient, path, options);
  if (!sent.ok) return sent;
  return call(patient, `${path}/firmware`, { method: 'POST' }, firmwareViewSchema, options.signal);
}

async function sendPieces(
  api: ApiClientOptions,
  path: string,
  { file, onProgress, signal, pause }: UploadOptions,
): Promise<ApiResult<null>> {
  const totalBytes = file.size;
  let sentBytes = 0;
  let attempt = 0;
  onProgress({ sentBytes, totalBytes, isRetrying: false });
  while (sentBytes < totalBytes) {
    const piece = file.slice(sentBytes, sentBytes + PIECE_BYTES);
    const answer =
      attempt === 0
        ? await send(api, path, pieceRequest(piece, sentBytes), signal)
        : await send(api, path, { method: 'HEAD', headers: TUS }, signal);
    if (answer.ok) {
      sentBytes = Number(answer.value.headers.get('upload-offset') ?? sentBytes + piece.size);
      attempt = 0;
    } else if (isOutage(answer.failure) && attempt < RETRIES) {
      attempt += 1;
      onProgress({ sentBytes, totalBytes, isRetrying: true });
      await pause(attempt);
      continue;
    } else return answer;
    onProgress({ sentBytes, totalBytes, isRetrying: false });
  }
  return { ok: true, value: null };
}

function pieceRequest(piece: Blob, offsetBytes: number) {
  return {
    method: 'PATCH',
    headers: {
      ...TUS,
      'upload-offset': String(offsetBytes),
      'content-type': 'application/offset+octet-stream',
    },
    body: piece,
  } as const;
}

/** `key base64,key base64` (tus 1.0.0, Creation); empty values are left out. */
function metadataHeader(metadata: UploadOptions['metadata']): string {
  return Object.entries(metadata)
    .flatMap(([key, value]) => {
      const text = Array.isArray(value) ? value.join(',') : (value ?? '');
      return text === '' ? [] : [`${key} ${base64(text)}`];
    })
    .join(',');
}

function base64(text: string): string {
  return btoa(String.fromCharCode(...new TextEncoder().encode(text)));
}
