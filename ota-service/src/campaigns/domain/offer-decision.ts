import { compareVersions, isFinal, type Labels, type LifecycleState } from '@flotilla/contracts';
import type { RollbackOrder } from '@flotilla/contracts';
import {
  hasConfirmed,
  isOutOfAttempts,
  newestAttempt,
  type PastAttempt,
} from './attempt-history.ts';
import { cutoffsOf, deadlineMsOf, includesGroup, type Campaign } from './campaign.ts';
import { deviceRank, phaseOfRank } from './campaign-plan.ts';
import { inTarget, windowOf } from './campaign-target.ts';

/** Which campaign wants this device to install what. */
export interface Offer {
  readonly campaignId: string;
  /** The device's own phase, which may be one before the campaign's current. */
  readonly phase: number;
  readonly round: number;
  readonly firmwareId: string;
  /** The full image may follow a delta that failed if it is no larger; null is the device's own bound. */
  readonly deltaFallbackMaxBytes?: number | null;
}

export interface OfferCandidate {
  readonly campaign: Campaign;
  /** What this device already did in the campaign, over all rounds. */
  readonly attempts: readonly PastAttempt[];
  /** On the campaign's list of devices. */
  readonly isListed?: boolean | undefined;
}

export interface OfferDevice {
  readonly id: string;
  readonly group: string;
  readonly firmwareVersion: string | null;
  /** None when left out. */
  readonly labels?: Labels | undefined;
  /** Active when left out. */
  readonly lifecycle?: LifecycleState | undefined;
  /** Versions that it rolled back from, in whatever campaign. */
  readonly rolledBackFrom?: ReadonlySet<string> | undefined;
}

export type PollDecision =
  | { readonly kind: 'offer'; readonly offer: Offer }
  | { readonly kind: 'rollback'; readonly order: RollbackOrder }
  /** Nothing until then; null is until a campaign takes a step or the device changes. */
  | { readonly kind: 'nothing'; readonly untilMs: number | null };

const NOTHING: PollDecision = { kind: 'nothing', untilMs: null };

/**
 * Whether the campaign may have something for this device, by what every poll knows; the rest is
 * decided over its record.
 */
export function reaches(
  campaign: Campaign,
  device: Pick<OfferDevice, 'id' | 'group'> & { readonly firmwareVersion?: string | null },
): boolean {
  if (campaign.status === 'rolling_back') {
    return device.firmwareVersion === undefined || device.firmwareVersion === campaign.version;
  }
  return (
    (campaign.rules.list === 'only' || includesGroup(campaign.groups, device.group)) &&
    ownPhase(campaign, device.id) <= campaign.currentPhase
  );
}

export function ownPhase(campaign: Campaign, deviceId: string): number {
  return phaseOfRank(deviceRank(campaign.id, deviceId), cutoffsOf(campaign));
}

/** Higher priorities first, then the newer. */
export function byPrecedence<T extends Campaign>(campaigns: readonly T[]): T[] {
  return campaigns.toSorted(
    (a, b) =>
      b.rules.priority - a.rules.priority ||
      b.createdAtMs - a.createdAtMs ||
      (a.id < b.id ? 1 : a.id > b.id ? -1 : 0),
  );
}

/**
 * Candidates come in their precedence. A way back goes first, then what is under way until its deadline,
 * for a device is in one update at a time. Then the first campaign that reaches the device decides, also
 * when it has nothing more to ask; so another one never pulls a device back. Only where its version
 * failed on this device, or is not for it, may the next one serve it.
 */
export function decidePoll(
  device: OfferDevice,
  candidates: readonly OfferCandidate[],
  nowMs: number,
): PollDecision {
  const order = wayBack(device, candidates);
  if (order !== null) return { kind: 'rollback', order };
  const running = candidates.filter(({ campaign }) => campaign.status === 'running');
  const underWay = running.find((candidate) => isUnderWay(device, candidate, nowMs));
  for (const candidate of underWay === undefined ? running : [underWay]) {
    const decision = decideOne(device, candidate, nowMs);
    if (decision !== null) return decision;
  }
  return NOTHING;
}

/** The offer alone, of what `decidePoll` says. */
export function decideOffer(
  device: OfferDevice,
  candidates: readonly OfferCandidate[],
  nowMs = 0,
): Offer | null {
  const decision = decidePoll(device, candidates, nowMs);
  return decision.kind === 'offer' ? decision.offer : null;
}

/** To those that confirmed the version and run it; what came back once is done with. */
function wayBack(device: OfferDevice, candidates: readonly OfferCandidate[]): RollbackOrder | null {
  for (const { campaign, attempts } of candidates) {
    const { status, round, version } = campaign;
    if (status !== 'rolling_back' || device.firmwareVersion !== version) continue;
    const isBack = attempts.some((attempt) => attempt.round === round && isFinal(attempt.state));
    if (isBack || !hasConfirmed(attempts)) continue;
    const phase = ownPhase(campaign, device.id);
    return { campaignId: campaign.id, phase, round, fromVersion: version };
  }
  return null;
}

function isUnderWay(
  device: OfferDevice,
  { campaign, attempts, isListed }: OfferCandidate,
  nowMs: number,
): boolean {
  const newest = newestAttempt(campaign, attempts);
  if (newest === null || isFinal(newest.state)) return false;
  if (!isInTime(campaign, ownPhase(campaign, device.id), newest, nowMs)) return false;
  return newest.state !== 'offered' || inTarget(campaign, { ...device, isListed }, true);
}

/** An offer stands so long, also when its window closes meanwhile. */
function isInTime(
  campaign: Campaign,
  phase: number,
  { startedAtMs }: PastAttempt,
  nowMs: number,
): boolean {
  return nowMs - (startedAtMs ?? -Infinity) <= deadlineMsOf(campaign, phase);
}

/** Null when this campaign leaves the device to the next one. */
function decideOne(
  device: OfferDevice,
  { campaign, attempts, isListed }: OfferCandidate,
  nowMs: number,
): PollDecision | null {
  const newest = newestAttempt(campaign, attempts);
  const isOpen = newest !== null && !isFinal(newest.state);
  const isStarted = isOpen && newest.state !== 'offered';
  const fits = isStarted || inTarget(campaign, { ...device, isListed }, attempts.length > 0);
  const phase = ownPhase(campaign, device.id);
  if (!fits || phase > campaign.currentPhase) return null;
  if (device.firmwareVersion === campaign.version || hasConfirmed(attempts)) return NOTHING;
  const offer = (round: number): PollDecision => ({
    kind: 'offer',
    offer: {
      campaignId: campaign.id,
      phase,
      round,
      firmwareId: campaign.firmwareId,
      deltaFallbackMaxBytes: campaign.rules.deltaFallbackMaxBytes,
    },
  });
  if (isOpen && (isStarted || isInTime(campaign, phase, newest, nowMs))) return offer(newest.round);
  if (!isOpen && !mayBegin(device, campaign, attempts, newest)) return null;
  const window = windowOf(campaign, device.labels ?? {}, nowMs);
  if (!window.open) return { kind: 'nothing', untilMs: window.opensAtMs };
  return offer(isOpen ? newest.round : campaign.round);
}

function mayBegin(
  device: OfferDevice,
  campaign: Campaign,
  attempts: readonly PastAttempt[],
  newest: PastAttempt | null,
): boolean {
  const { rules, version, round } = campaign;
  if (newest !== null && newest.round === round) return false;
  if (isOutOfAttempts(campaign, attempts)) return false;
  if (device.lifecycle === 'maintenance' && !rules.includeMaintenance) return false;
  if (attempts.length > 0) return true;
  if (!rules.includeRolledBack && device.rolledBackFrom?.has(version) === true) return false;
  return rules.allowDowngrade || !isNewer(device.firmwareVersion, version);
}

export function isNewer(running: string | null, version: string): boolean {
  return running !== null && compareVersions(running, version) > 0;
}
