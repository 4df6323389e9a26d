import type { PreconditionDecision } from './maintenance-window.ts';

export interface BatteryRules {
  /** 0 to 100; below it nothing begins while the battery is not charging. 0 asks for nothing. */
  readonly minPercent: number;
  /** Wait for a charger whatever the level. */
  readonly mustCharge: boolean;
}

/** What a battery says; `unknown` is one that is there and does not tell its level. */
export type BatteryState =
  | { readonly kind: 'none' }
  | { readonly kind: 'unknown' }
  | { readonly kind: 'level'; readonly percent: number; readonly isCharging: boolean };

/** A device without a battery has mains; a battery that says nothing is not taken for a full one. */
export function decideBattery(rules: BatteryRules, battery: BatteryState): PreconditionDecision {
  if (battery.kind === 'none') return { kind: 'go' };
  if (rules.minPercent === 0 && !rules.mustCharge) return { kind: 'go' };
  if (battery.kind === 'unknown') return wait('the battery does not tell its level');
  if (battery.isCharging) return { kind: 'go' };
  if (rules.mustCharge) return wait('the battery is not charging');
  if (battery.percent >= rules.minPercent) return { kind: 'go' };
  return wait(`the battery is at ${battery.percent} %, below ${rules.minPercent} %`);
}

function wait(why: string): PreconditionDecision {
  return { kind: 'wait', reason: 'battery', why, untilMs: null };
}
