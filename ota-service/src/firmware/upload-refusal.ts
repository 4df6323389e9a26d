import { ProblemError } from '@flotilla/service';
import { ArtifactTooLargeError } from './artifact-store.ts';

/** What is no fault of ours becomes a ProblemError; anything else stays what it is. */
export function refusalOf(error: unknown): unknown {
  if (error instanceof ArtifactTooLargeError) return tooLarge(error.limitBytes, error);
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    const detail = 'there is no space left for this artifact';
    return new ProblemError('unavailable', { detail, cause: error });
  }
  // The client is gone and reads no answer, but the log need not call it our failure.
  if (code === 'ECONNRESET' || code === 'ERR_STREAM_PREMATURE_CLOSE') {
    return new ProblemError('malformed_body', { detail: 'the upload ended early', cause: error });
  }
  return error;
}

export function tooLarge(limitBytes: number, cause?: unknown): ProblemError {
  return new ProblemError('body_too_large', {
    detail: `an artifact may have at most ${limitBytes} bytes`,
    cause,
  });
}
