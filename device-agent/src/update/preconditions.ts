import { UpdateRefusal } from '../update-refusal.ts';
import { readBattery } from './battery.ts';
import { decideBattery, type BatteryRules } from './domain/battery-decision.ts';
import {
  decideMaintenance,
  type MaintenanceWindow,
  type PreconditionDecision,
} from './domain/maintenance-window.ts';
import type { HookFacts, Hooks } from './hooks.ts';

export interface PreconditionRules {
  /** When bytes may be fetched; empty for always. */
  readonly downloadWindows: readonly MaintenanceWindow[];
  /** When a slot may be sealed and the device restarted; empty for always. */
  readonly installWindows: readonly MaintenanceWindow[];
  readonly timeZone: string;
  readonly battery: BatteryRules;
  /** /sys/class/power_supply on Linux. */
  readonly powerSupplyFolder: string;
}

export type UpdateStage = 'download' | 'install';

/** Whether the device's surroundings let an update go on now. */
export class Preconditions {
  readonly #rules: PreconditionRules;
  readonly #hooks: Hooks;
  readonly #now: () => number;

  constructor(rules: PreconditionRules, hooks: Hooks, now: () => number) {
    this.#rules = rules;
    this.#hooks = hooks;
    this.#now = now;
  }

  /** What must hold all the time; asks no hook. */
  async check(stage: UpdateStage): Promise<PreconditionDecision> {
    const { downloadWindows, installWindows, timeZone, battery, powerSupplyFolder } = this.#rules;
    const windows = stage === 'download' ? downloadWindows : installWindows;
    const time = decideMaintenance({ windows, timeZone }, this.#now());
    if (time.kind === 'wait') return time;
    return decideBattery(battery, await readBattery(powerSupplyFolder));
  }

  /** Before a stage begins: the device maker's hook has the last word. Throws UpdateRefusal. */
  async mayBegin(stage: UpdateStage, facts: HookFacts): Promise<PreconditionDecision> {
    const decision = await this.check(stage);
    if (decision.kind === 'wait') return decision;
    const result = await this.#hooks.run(`pre-${stage}`, facts);
    if (result.kind === 'not_now') {
      return { kind: 'wait', reason: 'hook', why: result.why, untilMs: null };
    }
    if (result.kind === 'failed') throw new UpdateRefusal('hook_failed', result.why);
    return decision;
  }
}
