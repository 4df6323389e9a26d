import {
  otherSlot,
  SLOT_NAMES,
  type SlotName,
  type SlotState,
} from '../slots/domain/slot-state.ts';
import type { BootEnvironment } from '../slots/domain/boot-decision.ts';

/** A boot loader's scripts count with single digits. */
export const MAX_LOADER_TRIES = 9;

/**
 * What a boot loader's variables say, in names that RAUC's users know: `BOOT_ORDER` ("A B"),
 * `BOOT_A_LEFT` (boots left, 0 to 9), `BOOT_A_STATE`, and `BOOT_TRIES` (what a slot is renewed to).
 */
export type BootVariables = Readonly<Record<string, string>>;

const STATES = ['empty', 'writing', 'written', 'trial', 'good', 'bad'] as const;

/**
 * What the boot script writes for both slots when it finds no readable environment: it then boots them
 * in turn until an agent says which one is to be trusted.
 */
export const UNKNOWN_STATE = 'unknown';

const ALL_STATES: readonly string[] = [...STATES, UNKNOWN_STATE];

export function toVariables(environment: BootEnvironment, tries: number): BootVariables {
  const { order, slots } = environment;
  const variables: Record<string, string> = {
    BOOT_ORDER: order.map((slot) => slot.toUpperCase()).join(' '),
    BOOT_TRIES: digit(tries),
  };
  for (const slot of SLOT_NAMES) {
    const state = slots[slot];
    variables[leftName(slot)] = digit('triesLeft' in state ? state.triesLeft : 0);
    variables[stateName(slot)] = state.kind;
  }
  return variables;
}

/** Whether every variable has a value that the agent or a boot script writes. */
export function areWellFormed(variables: ReadonlyMap<string, string>): boolean {
  const named = (name: string) => variables.get(name) ?? '';
  return (
    /^(A B|B A)$/.test(named('BOOT_ORDER')) &&
    SLOT_NAMES.every((slot) => /^[0-9]$/.test(named(leftName(slot)))) &&
    SLOT_NAMES.every((slot) => ALL_STATES.includes(named(stateName(slot))))
  );
}

/** Null when a variable is missing or says nothing that the agent or the boot script writes. */
export function fromVariables(variables: ReadonlyMap<string, string>): BootEnvironment | null {
  const first = SLOT_NAMES.find(
    (slot) =>
      variables.get('BOOT_ORDER') === `${slot.toUpperCase()} ${otherSlot(slot).toUpperCase()}`,
  );
  const a = stateOf('a', variables);
  const b = stateOf('b', variables);
  if (first === undefined || a === null || b === null) return null;
  return { order: [first, otherSlot(first)], slots: { a, b } };
}

export function leftName(slot: SlotName): string {
  return `BOOT_${slot.toUpperCase()}_LEFT`;
}

export function stateName(slot: SlotName): string {
  return `BOOT_${slot.toUpperCase()}_STATE`;
}

function stateOf(slot: SlotName, variables: ReadonlyMap<string, string>): SlotState | null {
  const left = variables.get(leftName(slot)) ?? '';
  const kind = STATES.find((name) => name === variables.get(stateName(slot)));
  if (kind === undefined || !/^[0-9]$/.test(left)) return null;
  return kind === 'trial' || kind === 'good' ? { kind, triesLeft: Number(left) } : { kind };
}

function digit(count: number): string {
  if (!Number.isInteger(count) || count < 0 || count > MAX_LOADER_TRIES) {
    throw new RangeError(`a boot script counts from 0 to ${MAX_LOADER_TRIES}, not to ${count}`);
  }
  return String(count);
}
