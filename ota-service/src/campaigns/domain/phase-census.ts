import { isFinal, type Labels, type LeftOutReason, type LifecycleState } from '@flotilla/contracts';
import {
  hasConfirmed,
  isOutOfAttempts,
  isToRetry,
  newestAttempt,
  type PastAttempt,
} from './attempt-history.ts';
import { cutoffsOf, type Campaign } from './campaign.ts';
import { deviceRank, phaseOfRank } from './campaign-plan.ts';
import { inTarget } from './campaign-target.ts';
import { isNewer } from './offer-decision.ts';

export interface CensusDevice {
  readonly id: string;
  readonly group: string;
  readonly lifecycle: LifecycleState;
  readonly firmwareVersion: string | null;
  /** What the registry held back from it at its last poll; null is nothing. */
  readonly withheldFirmwareId: string | null;
  /** None when left out. */
  readonly labels?: Labels | undefined;
  /** On the campaign's list. */
  readonly isListed?: boolean;
  /** Rolled the version back in another campaign. */
  readonly rolledBackBefore?: boolean;
}

export type CensusAttempt = PastAttempt;

export type CensusPlace = 'member' | LeftOutReason | 'outside';

/**
 * Does the campaign wait for this device? A device with an outcome always counts. One that retired,
 * left the target or got the version some other way before it was offered would never finish, so it
 * is left out instead of blocking its phase for ever; so is one that the version is held back from,
 * until it fits, and one that has no try left. One that runs the version after this round's
 * offer runs it on trial, whether its report came or not. One in maintenance will be back and is
 * waited for.
 */
export function placeDevice(
  campaign: Campaign,
  device: CensusDevice,
  attempts: readonly CensusAttempt[],
): CensusPlace {
  const newest = newestAttempt(campaign, attempts);
  if (hasConfirmed(attempts) || (newest !== null && isFinal(newest.state))) return 'member';
  if (device.lifecycle === 'retired') return 'retired';
  if (attempts.some(({ state }) => state !== 'offered' && !isFinal(state))) return 'member';
  if (!inTarget(campaign, device, attempts.length > 0)) return 'outside';
  if (newest === null && isOutOfAttempts(campaign, attempts)) return 'out_of_attempts';
  if (attempts.length === 0) return placeUntried(campaign, device);
  if (device.firmwareVersion !== campaign.version) return 'member';
  return newest === null ? 'has_version' : 'member';
}

function placeUntried(campaign: Campaign, device: CensusDevice): CensusPlace {
  const { rules, version } = campaign;
  if (device.withheldFirmwareId === campaign.firmwareId) return 'incompatible';
  if (device.firmwareVersion === version) return 'has_version';
  if (!rules.includeRolledBack && device.rolledBackBefore === true) return 'rolled_back_before';
  if (!rules.allowDowngrade && isNewer(device.firmwareVersion, version)) return 'newer_version';
  return 'member';
}

export interface PhaseCensus {
  /** Devices to wait for, per phase; index 0 is phase 1. */
  readonly devices: readonly number[];
  /** Of these, how many cannot be offered anything now. */
  readonly inMaintenance: readonly number[];
  /** Of these, how many failed and get another try. */
  readonly toRetry: readonly number[];
  /** Devices of the target that are left out. */
  readonly leftOut: Readonly<Record<LeftOutReason, number>>;
  /** Left out although they were offered the update; the warehouse leaves them out as well. */
  readonly excludedIds: readonly string[];
}

/** Adds up a campaign's devices page by page, so that a large fleet is never held in memory. */
export class CensusTaker {
  readonly #campaign: Campaign;
  readonly #cutoffs: readonly string[];
  readonly #devices: number[];
  readonly #inMaintenance: number[];
  readonly #toRetry: number[];
  readonly #excludedIds: string[] = [];
  readonly #leftOut: Record<LeftOutReason, number> = nobodyLeftOut();

  constructor(campaign: Campaign) {
    this.#campaign = campaign;
    this.#cutoffs = cutoffsOf(campaign);
    this.#devices = this.#cutoffs.map(() => 0);
    this.#inMaintenance = this.#cutoffs.map(() => 0);
    this.#toRetry = this.#cutoffs.map(() => 0);
  }

  add(device: CensusDevice, attempts: readonly CensusAttempt[]): void {
    const place = placeDevice(this.#campaign, device, attempts);
    if (place === 'member') {
      const phase = phaseOfRank(deviceRank(this.#campaign.id, device.id), this.#cutoffs);
      addTo(this.#devices, phase);
      if (device.lifecycle === 'maintenance') addTo(this.#inMaintenance, phase);
      if (this.#isToRetry(device, attempts)) addTo(this.#toRetry, phase);
      return;
    }
    if (attempts.length > 0) this.#excludedIds.push(device.id);
    if (place === 'outside' || !inTarget(this.#campaign, device, true)) return;
    this.#leftOut[place] += 1;
  }

  #isToRetry(device: CensusDevice, attempts: readonly CensusAttempt[]): boolean {
    const { firmwareVersion, lifecycle } = device;
    if (lifecycle === 'retired' || firmwareVersion === this.#campaign.version) return false;
    return isToRetry(this.#campaign, attempts) && inTarget(this.#campaign, device, true);
  }

  result(): PhaseCensus {
    return {
      devices: [...this.#devices],
      inMaintenance: [...this.#inMaintenance],
      toRetry: [...this.#toRetry],
      leftOut: { ...this.#leftOut },
      excludedIds: [...this.#excludedIds],
    };
  }
}

function addTo(phases: number[], phase: number): void {
  phases[phase - 1] = (phases[phase - 1] ?? 0) + 1;
}

export function nobodyLeftOut(): Record<LeftOutReason, number> {
  return {
    retired: 0,
    has_version: 0,
    newer_version: 0,
    incompatible: 0,
    rolled_back_before: 0,
    out_of_attempts: 0,
  };
}
