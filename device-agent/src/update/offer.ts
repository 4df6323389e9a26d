import { versionSchema, type Deployment, type FirmwareTarget } from '@flotilla/contracts';
import type { TrustFault } from '@flotilla/trust';
import type { DeviceTrust } from '../trust/device-trust.ts';
import { decideTarget, type TargetContext } from './domain/target-decision.ts';
import type { FailureWords } from './update-attempt.ts';

/** What the targets role signed about the bytes to install; nothing else says what they must be. */
export interface SignedArtifact {
  readonly version: string;
  readonly format: 'tar' | 'image';
  readonly sha256: string;
  readonly sizeBytes: number;
}

/** What to make of a deployment. `version` of a refused one may be unverified: for display only. */
export type OfferDecision =
  | { readonly kind: 'accept' | 'already_running'; readonly artifact: SignedArtifact }
  /** Nothing can be said now; the next poll asks again. `why` when the repository did not answer. */
  | { readonly kind: 'wait'; readonly why?: string }
  | { readonly kind: 'refuse'; readonly version: string; readonly failure: FailureWords };

/** Shown when the offer names none. */
const UNKNOWN_VERSION = '0.0.0';

/** An offer is only a name: the signed metadata, fetched anew, says what it stands for. */
export async function judgeOffer(
  deployment: Deployment,
  trust: Pick<DeviceTrust, 'targetAt'>,
  context: TargetContext,
  signal: AbortSignal,
): Promise<OfferDecision> {
  const answer = await trust.targetAt(deployment.target, signal);
  if (signal.aborted) return { kind: 'wait' };
  switch (answer.kind) {
    case 'signed':
      return judgeTarget(answer.target, context);
    case 'not_signed':
      return refuse(deployment, {
        reason: 'target_not_signed',
        detail: `the signed targets hold no ${deployment.target}`,
      });
    case 'untrusted': {
      const { fault, message } = answer.error;
      if (isTemporary(fault)) return { kind: 'wait', why: message };
      return refuse(deployment, { reason: fault, detail: message });
    }
  }
}

function judgeTarget(target: FirmwareTarget, context: TargetContext): OfferDecision {
  const { version, format } = target.release;
  const decision = decideTarget(target, context);
  if (decision.kind === 'wait') return decision;
  if (decision.kind === 'refuse') {
    const { reason, detail } = decision;
    return { kind: 'refuse', version, failure: { reason, detail } };
  }
  const { sha256, sizeBytes } = target;
  return { kind: decision.kind, artifact: { version, format, sha256, sizeBytes } };
}

/** A network that fails is no word about the firmware, so it ends no attempt. */
const isTemporary = (fault: TrustFault): boolean => fault === 'metadata_unavailable';

function refuse(deployment: Deployment, failure: FailureWords): OfferDecision {
  const named = versionSchema.safeParse(deployment.target.split('/')[1]);
  return { kind: 'refuse', version: named.success ? named.data : UNKNOWN_VERSION, failure };
}

/** The same offer as before: same campaign, same round, same target. */
export function isSameOffer(a: Deployment, b: Deployment): boolean {
  return a.campaignId === b.campaignId && a.round === b.round && a.target === b.target;
}
