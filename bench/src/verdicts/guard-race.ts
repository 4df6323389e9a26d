import { GUARD_METRICS, guardsSchema } from '@flotilla/contracts';
import {
  weighGuards,
  type DeviceReadings,
  type GuardEvidence,
  type GuardPair,
} from '@flotilla/ota-service/src/campaigns/domain/gates/guard-gate.ts';
import { uniform } from '../harness/random.ts';

const CONTROLS_PER_DEVICE = 5;
/** Below this many devices no guard can pause; looking earlier would only take time. */
const FIRST_LOOK = 8;
/** The rank sums are slow, and their shares far from any limit. */
const MANN_WHITNEY_CAMPAIGNS = 1000;

/** What the update does to every updated device. */
export interface GuardEffect {
  readonly cpuPoints?: number;
  readonly memoryPointsPerHour?: number;
  readonly errorFactor?: number;
  readonly silentTenths?: number;
}

export interface GuardCell {
  readonly name: string;
  readonly devices: number;
  readonly effect: GuardEffect;
  /** To the whole fleet over the same time, controls included. */
  readonly shock?: GuardEffect;
  readonly campaigns: number;
  readonly seed: number;
}

export interface GuardOutcome {
  /** Devices compared at the pause, per campaign; Infinity for none. Of the shipped guards. */
  readonly guards: Float64Array;
  /** Of a Mann-Whitney at 5 % on each signal, read after every device; of the first campaigns only. */
  readonly mannWhitney: Float64Array;
}

/**
 * Devices of a mixed fleet, whose signals differ from one to the next and swing in time: CPU level 30 ± 10
 * points, window averages ± 2; memory slopes ± 1.4 points an hour, as a regression over ten minutes has;
 * error logs Poisson with a mean that differs from device to device. Pairs come one after the other, and
 * both rules look after each.
 */
export function raceGuards(cell: GuardCell): GuardOutcome {
  const random = uniform(cell.seed);
  const guards = guardsSchema.parse({});
  const weigh = (pairs: readonly GuardPair[]): readonly GuardEvidence[] =>
    weighGuards(guards, { pairs, waiting: 0, waitUntilMs: null, unpaired: 0 }).metrics;
  const peerCampaigns = Math.min(cell.campaigns, MANN_WHITNEY_CAMPAIGNS);
  const outcome: GuardOutcome = {
    guards: new Float64Array(cell.campaigns).fill(Infinity),
    mannWhitney: new Float64Array(peerCampaigns).fill(Infinity),
  };
  const shock = cell.shock ?? {};
  for (let campaign = 0; campaign < cell.campaigns; campaign++) {
    const pairs: GuardPair[] = [];
    for (let count = 1; count <= cell.devices; count++) {
      const pair: GuardPair = {
        deviceId: String(count),
        controlIds: [],
        updated: readings(random, [shock, cell.effect]),
        controls: Array.from({ length: CONTROLS_PER_DEVICE }, () => readings(random, [shock])),
      };
      pairs.push(pair);
      if (count < FIRST_LOOK) continue;
      const isOpen = (of: Float64Array): boolean => of[campaign] === Infinity;
      // Evidence rises only with a device that got worse, so only then is there anything to see.
      const mayPause = count === FIRST_LOOK || weigh([pair]).some(({ worse }) => worse > 0);
      if (isOpen(outcome.guards) && mayPause) {
        const isBreached = weigh(pairs).some(({ status }) => status === 'breached');
        if (isBreached) outcome.guards[campaign] = count;
      }
      if (isOpen(outcome.mannWhitney) && mannWhitneyPauses(pairs)) {
        outcome.mannWhitney[campaign] = count;
      }
      if (!isOpen(outcome.guards) && !isOpen(outcome.mannWhitney)) break;
    }
  }
  return outcome;
}

function readings(random: () => number, effects: readonly GuardEffect[]): DeviceReadings {
  const sum = (of: (effect: GuardEffect) => number | undefined): number =>
    effects.reduce((total, effect) => total + (of(effect) ?? 0), 0);
  const factor = effects.reduce((product, effect) => product * (effect.errorFactor ?? 1), 1);
  const level = 30 + 10 * normal(random);
  const errors = 4 * Math.exp(normal(random));
  const crashes = (): number => (random() < 0.002 ? 6 : 0);
  const coverage = (): number => (random() < 0.05 ? 90 : 100);
  return {
    crashRate: { before: crashes(), after: crashes() },
    errorLogRate: { before: poisson(random, errors), after: poisson(random, errors * factor) },
    cpu: {
      before: level + 2 * normal(random),
      after: level + 2 * normal(random) + sum((effect) => effect.cpuPoints),
    },
    memorySlope: {
      before: 1.4 * normal(random),
      after: 1.4 * normal(random) + sum((effect) => effect.memoryPointsPerHour),
    },
    batteryDrain: { before: -2 + normal(random), after: -2 + normal(random) },
    connectivity: {
      before: coverage(),
      after: Math.max(0, coverage() - 10 * sum((effect) => effect.silentTenths)),
    },
  };
}

/** Changes of updated devices against those of all controls so far; one-sided 5 % on each signal. */
function mannWhitneyPauses(pairs: readonly GuardPair[]): boolean {
  return GUARD_METRICS.some((metric) => {
    const sign = metric === 'batteryDrain' || metric === 'connectivity' ? -1 : 1;
    const change = (of: DeviceReadings): number =>
      sign * ((of[metric].after ?? 0) - (of[metric].before ?? 0));
    const updated = pairs.map((pair) => change(pair.updated));
    const control = pairs.flatMap((pair) => pair.controls.map(change)).toSorted((a, b) => a - b);
    let wins = 0;
    for (const value of updated) {
      const below = boundOf(control, value, false);
      wins += below + (boundOf(control, value, true) - below) / 2;
    }
    const [n, m] = [updated.length, control.length];
    const spread = Math.sqrt((n * m * (n + m + 1)) / 12);
    return (wins - (n * m) / 2) / spread > 1.6449;
  });
}

/** How many of a rising list are below the value, or not above it. */
function boundOf(sorted: readonly number[], value: number, isInclusive: boolean): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const at = sorted[middle] ?? Infinity;
    if (at < value || (isInclusive && at === value)) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Standard normal, by Box and Muller. */
function normal(random: () => number): number {
  return Math.sqrt(-2 * Math.log1p(-random())) * Math.cos(2 * Math.PI * random());
}

function poisson(random: () => number, mean: number): number {
  if (mean > 200) return Math.max(0, Math.round(mean + Math.sqrt(mean) * normal(random)));
  let count = 0;
  for (let product = random(); product > Math.exp(-mean); product *= random()) count++;
  return count;
}
