import { decideBoot } from '../slots/domain/boot-decision.ts';
import { SLOT_NAMES, type SlotName } from '../slots/domain/slot-state.ts';
import {
  fromVariables,
  leftName,
  stateName,
  toVariables,
  UNKNOWN_STATE,
} from './boot-variables.ts';

const DEFAULT_TRIES = 3;

export interface LoaderDecision {
  readonly slot: SlotName;
  /** To be saved before the slot starts. */
  readonly variables: ReadonlyMap<string, string>;
}

/**
 * What the shipped boot scripts do with the environment's variables: `decideBoot`, and a new start with
 * both slots `unknown` where that would start nothing or the variables are not there.
 */
export function decideLoaderBoot(variables: ReadonlyMap<string, string>): LoaderDecision {
  const tries = triesOf(variables);
  const isUnknown = (slot: SlotName) => variables.get(stateName(slot)) === UNKNOWN_STATE;
  const asTrial = new Map(variables);
  for (const slot of SLOT_NAMES) if (isUnknown(slot)) asTrial.set(stateName(slot), 'trial');
  const environment = fromVariables(asTrial);
  const decision = environment === null ? null : decideBoot(environment, tries);
  if (decision === null || decision.slot === null) return startOver(variables, tries);
  const chosen = toVariables(decision.next, tries)[leftName(decision.slot)] ?? '0';
  const next = new Map([...variables, [leftName(decision.slot), chosen]]);
  return { slot: decision.slot, variables: next };
}

/**
 * What starts instead when the decision could not be saved: without a count a slot on trial would start
 * for ever.
 */
export function chooseUncounted({ slot, variables }: LoaderDecision): SlotName {
  const order = fromOrder(variables.get('BOOT_ORDER') ?? '');
  return order.find((one) => variables.get(stateName(one)) === 'good') ?? slot;
}

/** After nothing in the slot could be started: it is out until something is written to it. */
export function giveUp(
  variables: ReadonlyMap<string, string>,
  slot: SlotName,
): ReadonlyMap<string, string> {
  return new Map([...variables, [leftName(slot), '0'], [stateName(slot), 'bad']]);
}

function fromOrder(text: string): readonly SlotName[] {
  return text === 'B A' ? ['b', 'a'] : ['a', 'b'];
}

function startOver(variables: ReadonlyMap<string, string>, tries: number): LoaderDecision {
  const next = new Map(variables);
  next.set('BOOT_ORDER', 'A B').set('BOOT_TRIES', String(tries));
  next.set('BOOT_A_STATE', UNKNOWN_STATE).set('BOOT_A_LEFT', String(tries - 1));
  next.set('BOOT_B_STATE', UNKNOWN_STATE).set('BOOT_B_LEFT', String(tries));
  return { slot: 'a', variables: next };
}

function triesOf(variables: ReadonlyMap<string, string>): number {
  const text = variables.get('BOOT_TRIES') ?? '';
  return /^[1-9]$/.test(text) ? Number(text) : DEFAULT_TRIES;
}
