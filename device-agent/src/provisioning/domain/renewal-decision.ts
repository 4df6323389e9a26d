export interface CertificateTimes {
  readonly renewAtMs: number;
  readonly notAfterMs: number;
}

export type RenewalDecision =
  | { readonly kind: 'wait'; readonly ms: number }
  /** Over a connection with the certificate there is. */
  | { readonly kind: 'renew' }
  /** It ran out while the device was off or away: the claim key proves it again. */
  | { readonly kind: 'claim' };

/** A clock that is set, or a sleep that lasts longer than it should, must not hide a due renewal. */
const MAX_WAIT_MS = 3_600_000;

/** What is to be done about the certificate now. Without one the device claims. */
export function decideRenewal(times: CertificateTimes | null, nowMs: number): RenewalDecision {
  if (times === null || nowMs >= times.notAfterMs) return { kind: 'claim' };
  if (nowMs >= times.renewAtMs) return { kind: 'renew' };
  return { kind: 'wait', ms: Math.min(times.renewAtMs - nowMs, MAX_WAIT_MS) };
}
