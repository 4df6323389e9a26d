/** Why a patch was refused. Stable: callers map these to update-report reasons. */
export type DeltaErrorCode =
  | 'bad_magic'
  | 'unsupported_version'
  | 'truncated'
  | 'corrupt'
  | 'base_mismatch'
  | 'target_mismatch'
  | 'too_large';

/** The one error that a patch can cause. Faults of the base's storage or of `write` pass through. */
export class DeltaError extends Error {
  override readonly name = 'DeltaError';
  readonly code: DeltaErrorCode;

  constructor(code: DeltaErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
