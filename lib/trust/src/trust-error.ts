/** Why metadata is not taken; the codes are those that a device reports (contracts, UPDATE_REASONS). */
export type TrustFault =
  | 'metadata_unavailable'
  | 'metadata_invalid'
  | 'metadata_signature_invalid'
  | 'metadata_expired'
  | 'metadata_rollback';

/** Metadata that is refused, by the side that publishes or by the side that installs. */
export class TrustError extends Error {
  override readonly name = 'TrustError';
  readonly fault: TrustFault;
  constructor(fault: TrustFault, message: string, options?: ErrorOptions) {
    super(message, options);
    this.fault = fault;
  }
}
