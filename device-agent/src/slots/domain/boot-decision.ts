import {
  isBootable,
  nextSlotState,
  otherSlot,
  type SlotEvent,
  type SlotName,
  type SlotState,
} from './slot-state.ts';

/** The boot environment: which slot first, and what is known about each. Written as one unit. */
export interface BootEnvironment {
  readonly order: readonly [SlotName, SlotName];
  readonly slots: Readonly<Record<SlotName, SlotState>>;
}

export const EMPTY_ENVIRONMENT: BootEnvironment = {
  order: ['a', 'b'],
  slots: { a: { kind: 'empty' }, b: { kind: 'empty' } },
};

export type BootDecision =
  /** Save `next`, then start `slot`. */
  | {
      readonly slot: SlotName;
      readonly next: BootEnvironment;
      readonly cause: 'tries_left' | 'last_good';
    }
  /** Nothing may be started: the device has no firmware yet. */
  | { readonly slot: null };

/**
 * The loader: the first slot in order with tries left, one of which is spent; without any, the last
 * good slot with its tries renewed. So a slot that was confirmed once can always be booted, until it
 * turns out unreadable: then the other good one is the last.
 */
export function decideBoot(environment: BootEnvironment, tries: number): BootDecision {
  for (const slot of environment.order) {
    if (isBootable(environment.slots[slot])) {
      return { slot, next: change(environment, slot, { type: 'booted' }), cause: 'tries_left' };
    }
  }
  const good = environment.order.find((slot) => environment.slots[slot].kind === 'good');
  if (good === undefined) return { slot: null };
  const renewed = change(environment, good, { type: 'confirmed', tries });
  return { slot: good, next: change(renewed, good, { type: 'booted' }), cause: 'last_good' };
}

/** Before the first byte is written: the target can no longer be booted, the other slot comes first. */
export function invalidateTarget(environment: BootEnvironment, target: SlotName): BootEnvironment {
  return {
    ...change(environment, target, { type: 'write_started' }),
    order: [otherSlot(target), target],
  };
}

export function markWritten(environment: BootEnvironment, target: SlotName): BootEnvironment {
  return change(environment, target, { type: 'write_verified' });
}

/** The target comes first, for so many boots. */
export function armTarget(
  environment: BootEnvironment,
  target: SlotName,
  tries: number,
): BootEnvironment {
  return {
    ...change(environment, target, { type: 'armed', tries }),
    order: [target, otherSlot(target)],
  };
}

/**
 * The running slot is good. The other one loses its tries: falling back to it later without being
 * asked would undo a confirmed update silently.
 */
export function confirmSlot(
  environment: BootEnvironment,
  slot: SlotName,
  tries: number,
): BootEnvironment {
  const other = otherSlot(slot);
  const confirmed = change(environment, slot, { type: 'confirmed', tries });
  return { ...change(confirmed, other, { type: 'superseded' }), order: [slot, other] };
}

/**
 * Back to a slot that was confirmed once: it comes first, and should it use up its tries, the one that
 * is left has its own, unlike after `confirmSlot`.
 */
export function preferSlot(
  environment: BootEnvironment,
  slot: SlotName,
  tries: number,
): BootEnvironment {
  const other = otherSlot(slot);
  const preferred = change(environment, slot, { type: 'confirmed', tries });
  return { ...change(preferred, other, { type: 'confirmed', tries }), order: [slot, other] };
}

/** A good slot proved itself after a boot: it gets back what the loader spent. All else stays. */
export function renewTries(
  environment: BootEnvironment,
  slot: SlotName,
  tries: number,
): BootEnvironment {
  const state = environment.slots[slot];
  if (state.kind !== 'good' || state.triesLeft >= tries) return environment;
  return change(environment, slot, { type: 'confirmed', tries });
}

/** The update in this slot is given up. */
export function rejectTarget(environment: BootEnvironment, target: SlotName): BootEnvironment {
  return {
    ...change(environment, target, { type: 'rejected' }),
    order: [otherSlot(target), target],
  };
}

/** Chosen, but nothing in it can be read: the next decision is about the other slot. */
export function markUnreadable(environment: BootEnvironment, slot: SlotName): BootEnvironment {
  return change(environment, slot, { type: 'unreadable' });
}

/**
 * An environment from what the slots themselves say, null when neither is `trusted`: complete,
 * of the digest that was verified, and confirmed. The one that ran last comes first, the other stays the last resort.
 */
export function rebuildEnvironment(
  lastRun: SlotName | null,
  trusted: readonly SlotName[],
  tries: number,
): BootEnvironment | null {
  const first = trusted.find((slot) => slot === lastRun) ?? trusted[0];
  if (first === undefined) return null;
  const second = otherSlot(first);
  const slots = {
    ...EMPTY_ENVIRONMENT.slots,
    [first]: { kind: 'good', triesLeft: tries },
    ...(trusted.includes(second) && { [second]: { kind: 'good', triesLeft: 0 } }),
  } as const;
  return { order: [first, second], slots };
}

function change(environment: BootEnvironment, slot: SlotName, event: SlotEvent): BootEnvironment {
  const state = nextSlotState(environment.slots[slot], event);
  return { ...environment, slots: { ...environment.slots, [slot]: state } };
}
