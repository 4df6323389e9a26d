import { createHash } from 'node:crypto';
import {
  LOG_RANK_START,
  logRankLogE,
  logRankStep,
  type LogRankState,
} from './log-rank-e-process.ts';

/** Chance of a false pause per round that the comparison with the control may use up. */
const CONTROL_SHARE = 0.02;
export const CONTROL_LOG_E_LIMIT = Math.log(1 / CONTROL_SHARE);

/** Devices that are alike: one model and one group. Those that crashed are told apart from the others. */
export interface Stratum {
  readonly group: string;
  /** All devices, updated or not, that did not crash. */
  readonly devices: number;
  /** When those of them that were offered the update were, rising; milliseconds since the epoch. */
  readonly offeredAtMs: Float64Array;
}

/** A device of a stratum that crashed at least once. */
export interface CrashedDevice {
  readonly id: string;
  readonly group: string;
  /** Null: not offered the update. */
  readonly offeredAtMs: number | null;
  /** Its first crash on the new version; null for none. */
  readonly updatedCrashAtMs: number | null;
  /** Its first crash on another version. */
  readonly otherCrashAtMs: number | null;
}

export interface ControlObservation {
  readonly strata: readonly Stratum[];
  readonly crashed: readonly CrashedDevice[];
}

export interface ControlEvidence {
  /** Devices that were offered the update, and how many of them crashed on the new version. */
  readonly updated: { readonly devices: number; readonly crashed: number };
  /** Devices as long as they were not offered it. */
  readonly control: { readonly devices: number; readonly crashed: number };
  readonly logE: number;
  /** The most it ever was; this is what is held against the limit. */
  readonly peakLogE: number;
  readonly logELimit: number;
  readonly isBreached: boolean;
}

type Move =
  | { readonly kind: 'offer'; readonly atMs: number; readonly device: CrashedDevice }
  | {
      readonly kind: 'crash';
      readonly atMs: number;
      readonly device: CrashedDevice;
      readonly of: 'updated' | 'control';
    };

interface AtRisk {
  updated: number;
  control: number;
  /** Offers of devices without a crash that are counted already. */
  offers: number;
}

/**
 * Do updated devices crash more often than those of the same model and group that wait for their
 * update at the same moment? A log-rank e-process over the first crash of each device: a device
 * counts as updated from its offer on, so one that has not installed yet only lowers the evidence,
 * and a device that crashed once is out, so a crash loop counts once. It may be asked as often as one
 * likes: the evidence ever reaching 50 is a 2 % chance for a firmware that crashes up to 1.5 times as
 * often. Without a control nothing is said against the firmware, nor for it.
 */
export function weighControl({ strata, crashed }: ControlObservation): ControlEvidence {
  const atRisk = new Map<string, AtRisk>();
  for (const { group, devices } of strata) {
    const others = crashed.filter((device) => device.group === group).length;
    atRisk.set(group, { updated: 0, control: devices + others, offers: 0 });
  }
  const offers = new Map(strata.map(({ group, offeredAtMs }) => [group, offeredAtMs]));
  const gone = new Set<string>();
  const count = { updated: 0, control: 0 };
  let state: LogRankState = LOG_RANK_START;
  let peakLogE = logRankLogE(state);
  for (const move of movesOf(crashed)) {
    const { device, atMs } = move;
    const risk = atRisk.get(device.group);
    if (risk === undefined || gone.has(device.id)) continue;
    enterUntil(risk, offers.get(device.group) ?? new Float64Array(), atMs);
    if (move.kind === 'offer') {
      risk.control -= 1;
      risk.updated += 1;
      continue;
    }
    const { updated: updatedAtRisk, control: controlAtRisk } = risk;
    state = logRankStep(state, { failed: move.of, updatedAtRisk, controlAtRisk });
    peakLogE = Math.max(peakLogE, logRankLogE(state));
    count[move.of] += 1;
    risk[move.of] -= 1;
    gone.add(device.id);
  }
  return {
    updated: { devices: offeredOf(strata, crashed), crashed: count.updated },
    control: { devices: waitedOf(strata, crashed), crashed: count.control },
    logE: logRankLogE(state),
    peakLogE,
    logELimit: CONTROL_LOG_E_LIMIT,
    isBreached: peakLogE >= CONTROL_LOG_E_LIMIT,
  };
}

/** Offers and first crashes in the order of time; ties in an order that has nothing to do with either. */
function movesOf(crashed: readonly CrashedDevice[]): Move[] {
  const moves = crashed.flatMap((device): Move[] => {
    const { offeredAtMs, updatedCrashAtMs, otherCrashAtMs } = device;
    const wasWaiting = offeredAtMs === null || (otherCrashAtMs ?? Infinity) < offeredAtMs;
    return [
      ...(offeredAtMs === null ? [] : [{ kind: 'offer' as const, atMs: offeredAtMs, device }]),
      // A crash of the old version after the offer is neither the new firmware's nor the control's.
      ...(otherCrashAtMs !== null && wasWaiting
        ? [{ kind: 'crash' as const, atMs: otherCrashAtMs, device, of: 'control' as const }]
        : []),
      // Clocks differ; whoever ran the new version had been offered it.
      ...(updatedCrashAtMs !== null && offeredAtMs !== null
        ? [
            {
              kind: 'crash' as const,
              atMs: Math.max(updatedCrashAtMs, offeredAtMs),
              device,
              of: 'updated' as const,
            },
          ]
        : []),
    ];
  });
  const keyed = moves.map((move) => ({ move, tie: tieOf(move.device.id) }));
  return keyed
    .toSorted(
      (a, b) =>
        a.move.atMs - b.move.atMs ||
        (a.tie < b.tie ? -1 : a.tie > b.tie ? 1 : orderOf(a.move) - orderOf(b.move)),
    )
    .map(({ move }) => move);
}

/** Of one device at one time the offer comes before the crash. */
function orderOf(move: Move): number {
  return move.kind === 'offer' ? 0 : 1;
}

function tieOf(deviceId: string): string {
  return createHash('sha256').update(deviceId).digest('hex');
}

function enterUntil(risk: AtRisk, offeredAtMs: Float64Array, atMs: number): void {
  while ((offeredAtMs[risk.offers] ?? Infinity) <= atMs) {
    risk.offers += 1;
    risk.control -= 1;
    risk.updated += 1;
  }
}

function offeredOf(strata: readonly Stratum[], crashed: readonly CrashedDevice[]): number {
  const known = new Set(strata.map(({ group }) => group));
  const others = crashed.filter(
    ({ group, offeredAtMs }) => known.has(group) && offeredAtMs !== null,
  );
  return strata.reduce((sum, { offeredAtMs }) => sum + offeredAtMs.length, others.length);
}

/** Those that still wait, and those that crashed while they waited. */
function waitedOf(strata: readonly Stratum[], crashed: readonly CrashedDevice[]): number {
  const known = new Set(strata.map(({ group }) => group));
  const others = crashed.filter(
    ({ group, offeredAtMs, otherCrashAtMs }) =>
      known.has(group) && (offeredAtMs === null || (otherCrashAtMs ?? Infinity) < offeredAtMs),
  );
  return strata.reduce(
    (sum, { devices, offeredAtMs }) => sum + devices - offeredAtMs.length,
    others.length,
  );
}
