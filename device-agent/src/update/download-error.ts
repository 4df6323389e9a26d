export type DownloadErrorKind =
  /** The network or the server's mood: worth another try. */
  | 'transient'
  /** It trickled below the floor: worth another try, but what it brought is no progress. */
  | 'slow'
  /** The server says this will not be had. */
  | 'unavailable'
  /** What is served has another length than announced. */
  | 'size'
  /** What is served has another SHA-256 than announced. */
  | 'digest';

export class DownloadError extends Error {
  override readonly name = 'DownloadError';
  readonly kind: DownloadErrorKind;
  readonly retryAfterMs: number | null;
  constructor(
    kind: DownloadErrorKind,
    message: string,
    options: { readonly cause?: unknown; readonly retryAfterMs?: number | null } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.kind = kind;
    this.retryAfterMs = options.retryAfterMs ?? null;
  }
}
