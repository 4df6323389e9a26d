import type { QuarantineKind } from '@flotilla/contracts';
import type { IdentityState } from './identity-state.ts';

export interface KnownIdentity {
  readonly state: IdentityState;
  readonly publicKeySha256: string | null;
}

export type ClaimDecision =
  | { readonly kind: 'issue'; readonly isNew: boolean }
  | {
      readonly kind: 'refuse';
      readonly quarantine: QuarantineKind | null;
      readonly detail: string;
    };

/**
 * Who proved a claim key gets the identity once. The same device key again is the same device, whose
 * answer got lost or whose certificate ran out while it was away; another key is another device, or one
 * that lost its own, which only an operator can tell apart.
 */
export function decideClaim(known: KnownIdentity | null, requestKeySha256: string): ClaimDecision {
  if (known === null || known.state === 'cleared') return { kind: 'issue', isNew: true };
  if (known.state === 'retired') {
    const detail = 'the device is retired';
    return { kind: 'refuse', quarantine: 'retired_claim', detail };
  }
  if (known.publicKeySha256 !== requestKeySha256) {
    const detail = 'the device was claimed before, with another device key';
    return { kind: 'refuse', quarantine: 'duplicate_claim', detail };
  }
  if (known.state === 'quarantined') {
    return { kind: 'refuse', quarantine: null, detail: 'the identity is in quarantine' };
  }
  return { kind: 'issue', isNew: false };
}
