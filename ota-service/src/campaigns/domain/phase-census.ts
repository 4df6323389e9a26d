import { isFinal, type LifecycleState, type UpdateState } from '@flotilla/contracts';
import { cutoffsOf, includesGroup, type Campaign } from './campaign.ts';
import { deviceRank, phaseOfRank } from './campaign-plan.ts';

export interface CensusDevice {
  readonly id: string;
  readonly group: string;
  readonly lifecycle: LifecycleState;
  readonly firmwareVersion: string | null;
  /** What the registry held back from it at its last poll; null is nothing. */
  readonly withheldFirmwareId: string | null;
}

export interface CensusAttempt {
  readonly round: number;
  readonly state: UpdateState;
}

export type CensusPlace = 'member' | 'retired' | 'has_version' | 'withheld' | 'outside';

/**
 * Does the campaign wait for this device? A device with an outcome always counts. One that retired,
 * left the groups or got the version some other way before it was offered would never finish, so it
 * is left out instead of blocking its phase for ever; so is one that the version is held back from,
 * until it fits. One that runs the version after this round's
 * offer runs it on trial, whether its report came or not. One in maintenance will be back and is
 * waited for.
 */
export function placeDevice(
  campaign: Campaign,
  device: CensusDevice,
  attempts: readonly CensusAttempt[],
): CensusPlace {
  const hasOutcome = attempts.some(
    ({ round, state }) => state === 'confirmed' || (round === campaign.round && isFinal(state)),
  );
  if (hasOutcome) return 'member';
  if (device.lifecycle === 'retired') return 'retired';
  if (attempts.some(({ state }) => state !== 'offered' && !isFinal(state))) return 'member';
  if (!includesGroup(campaign.groups, device.group)) return 'outside';
  if (attempts.length === 0 && device.withheldFirmwareId === campaign.firmwareId) return 'withheld';
  if (device.firmwareVersion !== campaign.version) return 'member';
  return attempts.some(({ round }) => round === campaign.round) ? 'member' : 'has_version';
}

export interface PhaseCensus {
  /** Devices to wait for, per phase; index 0 is phase 1. */
  readonly devices: readonly number[];
  /** Of these, how many cannot be offered anything now. */
  readonly inMaintenance: readonly number[];
  readonly retired: number;
  readonly hasVersion: number;
  readonly withheld: number;
  /** Left out although they were offered the update; the warehouse leaves them out as well. */
  readonly excludedIds: readonly string[];
}

/** Adds up a campaign's devices page by page, so that a large fleet is never held in memory. */
export class CensusTaker {
  readonly #campaign: Campaign;
  readonly #cutoffs: readonly string[];
  readonly #devices: number[];
  readonly #inMaintenance: number[];
  readonly #excludedIds: string[] = [];
  #retired = 0;
  #hasVersion = 0;
  #withheld = 0;

  constructor(campaign: Campaign) {
    this.#campaign = campaign;
    this.#cutoffs = cutoffsOf(campaign);
    this.#devices = this.#cutoffs.map(() => 0);
    this.#inMaintenance = this.#cutoffs.map(() => 0);
  }

  add(device: CensusDevice, attempts: readonly CensusAttempt[]): void {
    const place = placeDevice(this.#campaign, device, attempts);
    if (place === 'member') {
      const index = phaseOfRank(deviceRank(this.#campaign.id, device.id), this.#cutoffs) - 1;
      this.#devices[index] = (this.#devices[index] ?? 0) + 1;
      if (device.lifecycle === 'maintenance') {
        this.#inMaintenance[index] = (this.#inMaintenance[index] ?? 0) + 1;
      }
      return;
    }
    if (attempts.length > 0) this.#excludedIds.push(device.id);
    if (!includesGroup(this.#campaign.groups, device.group)) return;
    if (place === 'retired') this.#retired += 1;
    if (place === 'has_version') this.#hasVersion += 1;
    if (place === 'withheld') this.#withheld += 1;
  }

  result(): PhaseCensus {
    return {
      devices: [...this.#devices],
      inMaintenance: [...this.#inMaintenance],
      retired: this.#retired,
      hasVersion: this.#hasVersion,
      withheld: this.#withheld,
      excludedIds: [...this.#excludedIds],
    };
  }
}
