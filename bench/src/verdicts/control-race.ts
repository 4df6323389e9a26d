import { phaseSizes } from '@flotilla/ota-service/src/campaigns/domain/campaign-plan.ts';
import { CONTROL_LOG_E_LIMIT } from '@flotilla/ota-service/src/campaigns/domain/gates/control-gate.ts';
import {
  LOG_RANK_START,
  logRankLogE,
  logRankStep,
  type LogRankState,
} from '@flotilla/ota-service/src/campaigns/domain/gates/log-rank-e-process.ts';
import { uniform } from '../harness/random.ts';
import { PHASE_PERCENTS } from './campaign-race.ts';

const HOURS = 24;
/** Waiting devices that are watched; of a small fleet all of them. */
const CONTROLS_PER_CANARY = 10;
/** One-sided 5 %. */
const MANN_WHITNEY_Z = 1.6449;
const FIXED_LIMIT = 0.05;

export interface ControlCell {
  readonly devices: number;
  /** That a device crashes within a day: one that waits, and one that is updated. */
  readonly controlProbability: number;
  readonly updatedProbability: number;
  /** What happens to the whole fleet at once multiplies both hazards. */
  readonly shock: number;
  readonly campaigns: number;
  readonly seed: number;
}

export const CONTROL_RULES = [
  'flotilla: log-rank against control',
  'fixed: 5 % of the canaries',
  'Mann-Whitney 5 %, at every crash',
] as const;

/**
 * The canary phase's first day: when each rule pauses, in hours, Infinity for not at all; rule by rule,
 * campaign by campaign. Crashes come one by one with exponential times; rules look at each of them,
 * which is as often as it matters.
 */
export function raceControl(cell: ControlCell): Float64Array[] {
  const random = uniform(cell.seed);
  const canaries = phaseSizes(cell.devices, PHASE_PERCENTS)[0] ?? 1;
  const controls = Math.min(cell.devices - canaries, Math.max(200, CONTROLS_PER_CANARY * canaries));
  const hazardOf = (probability: number): number =>
    -Math.log1p(-Math.min(probability * cell.shock, 0.999)) / HOURS;
  const updatedHazard = hazardOf(cell.updatedProbability);
  const controlHazard = hazardOf(cell.controlProbability);
  const pausedAt = CONTROL_RULES.map(() => new Float64Array(cell.campaigns).fill(Infinity));
  for (let campaign = 0; campaign < cell.campaigns; campaign++) {
    const race = new Race(canaries, controls);
    for (let hours = 0; ;) {
      const updatedRate = race.updatedAtRisk * updatedHazard;
      const rate = updatedRate + race.controlAtRisk * controlHazard;
      if (rate <= 0) break;
      hours += -Math.log1p(-random()) / rate;
      if (hours > HOURS) break;
      race.crash(random() * rate < updatedRate ? 'updated' : 'control');
      CONTROL_RULES.forEach((_name, rule) => {
        const known = pausedAt[rule]?.[campaign] ?? 0;
        if (known === Infinity && race.pauses(rule)) (pausedAt[rule] ?? [])[campaign] = hours;
      });
      if (pausedAt.every((of) => of[campaign] !== Infinity)) break;
    }
  }
  return pausedAt;
}

class Race {
  updatedAtRisk: number;
  controlAtRisk: number;
  readonly #canaries: number;
  readonly #controls: number;
  #state: LogRankState = LOG_RANK_START;
  #updatedCrashes = 0;
  #controlCrashes = 0;

  constructor(canaries: number, controls: number) {
    this.updatedAtRisk = canaries;
    this.controlAtRisk = controls;
    this.#canaries = canaries;
    this.#controls = controls;
  }

  crash(failed: 'updated' | 'control'): void {
    const { updatedAtRisk, controlAtRisk } = this;
    this.#state = logRankStep(this.#state, { failed, updatedAtRisk, controlAtRisk });
    if (failed === 'updated') {
      this.updatedAtRisk -= 1;
      this.#updatedCrashes += 1;
    } else {
      this.controlAtRisk -= 1;
      this.#controlCrashes += 1;
    }
  }

  pauses(rule: number): boolean {
    if (rule === 0) return logRankLogE(this.#state) >= CONTROL_LOG_E_LIMIT;
    const share = this.#updatedCrashes / this.#canaries;
    if (rule === 1) return share >= FIXED_LIMIT;
    const crashes = this.#updatedCrashes + this.#controlCrashes;
    const all = this.#canaries + this.#controls;
    const pooled = crashes / all;
    const ties = all / (all - 1);
    const variance = pooled * (1 - pooled) * (1 / this.#canaries + 1 / this.#controls) * ties;
    const z = (share - this.#controlCrashes / this.#controls) / Math.sqrt(variance);
    return crashes >= 5 && z > MANN_WHITNEY_Z;
  }
}
