import { isFinal, type UpdateState } from '@flotilla/contracts';
import { cutoffsOf, includesGroup, type Campaign } from './campaign.ts';
import { deviceRank, phaseOfRank } from './campaign-plan.ts';

/** Which campaign wants this device to install what. */
export interface Offer {
  readonly campaignId: string;
  /** The device's own phase, which may be one before the campaign's current. */
  readonly phase: number;
  readonly round: number;
  readonly firmwareId: string;
}

export interface OfferCandidate {
  readonly campaign: Campaign;
  /** What this device already did in the campaign, over all rounds. */
  readonly attempts: readonly { readonly round: number; readonly state: UpdateState }[];
}

export interface OfferDevice {
  readonly id: string;
  readonly group: string;
  readonly firmwareVersion: string | null;
}

/** Whether the campaign has come to this device's phase and group, whatever the device made of it. */
export function reaches(campaign: Campaign, device: Pick<OfferDevice, 'id' | 'group'>): boolean {
  return (
    includesGroup(campaign.groups, device.group) &&
    ownPhase(campaign, device.id) <= campaign.currentPhase
  );
}

function ownPhase(campaign: Campaign, deviceId: string): number {
  return phaseOfRank(deviceRank(campaign.id, deviceId), cutoffsOf(campaign));
}

/**
 * Candidates come newest first. The newest campaign that reaches the device decides, also when it
 * has nothing more to ask; so an older campaign never pulls a device back. Only where the newer
 * version failed on this device may an older campaign still serve it.
 */
export function decideOffer(
  device: OfferDevice,
  candidates: readonly OfferCandidate[],
): Offer | null {
  for (const { campaign, attempts } of candidates) {
    if (campaign.status !== 'running' || !reaches(campaign, device)) continue;
    if (device.firmwareVersion === campaign.version) return null;
    if (attempts.some((attempt) => attempt.state === 'confirmed')) return null;
    if (attempts.some(({ round, state }) => round === campaign.round && isFinal(state))) continue;
    const { id: campaignId, round, firmwareId } = campaign;
    return { campaignId, phase: ownPhase(campaign, device.id), round, firmwareId };
  }
  return null;
}
