export const SLOT_NAMES = ['a', 'b'] as const;
export type SlotName = (typeof SLOT_NAMES)[number];

export function otherSlot(slot: SlotName): SlotName {
  return slot === 'a' ? 'b' : 'a';
}

/** What the boot environment says about one slot. Only `trial` and `good` may be booted. */
export type SlotState =
  | { readonly kind: 'empty' }
  | { readonly kind: 'writing' }
  | { readonly kind: 'written' }
  | { readonly kind: 'trial'; readonly triesLeft: number }
  | { readonly kind: 'good'; readonly triesLeft: number }
  | { readonly kind: 'bad' };

export type SlotEvent =
  | { readonly type: 'write_started' }
  | { readonly type: 'write_verified' }
  | { readonly type: 'armed'; readonly tries: number }
  | { readonly type: 'booted' }
  | { readonly type: 'confirmed'; readonly tries: number }
  /** The other slot was confirmed: this one stays good, but is booted only as the last resort. */
  | { readonly type: 'superseded' }
  | { readonly type: 'rejected' }
  /** The loader chose it and nothing in it can be read. */
  | { readonly type: 'unreadable' };

/** The next state; throws SlotTransitionError for an event that this state does not take. */
export function nextSlotState(state: SlotState, event: SlotEvent): SlotState {
  switch (event.type) {
    case 'write_started':
      return { kind: 'writing' };
    case 'write_verified':
      if (state.kind === 'writing') return { kind: 'written' };
      break;
    case 'armed':
      if (state.kind === 'written') return { kind: 'trial', triesLeft: event.tries };
      break;
    case 'booted':
      if (isBootable(state)) return { ...state, triesLeft: state.triesLeft - 1 };
      break;
    case 'confirmed':
      if (state.kind === 'trial' || state.kind === 'good') {
        return { kind: 'good', triesLeft: event.tries };
      }
      break;
    case 'superseded':
      return state.kind === 'good' ? { kind: 'good', triesLeft: 0 } : state;
    case 'rejected':
      if (isUnconfirmed(state)) return { kind: 'bad' };
      break;
    case 'unreadable':
      if (state.kind === 'trial' || state.kind === 'good') return { kind: 'bad' };
      break;
  }
  throw new SlotTransitionError(state, event);
}

/** The loader may start it and has a try to spend. */
export function isBootable(
  state: SlotState,
): state is Extract<SlotState, { readonly triesLeft: number }> {
  return (state.kind === 'trial' || state.kind === 'good') && state.triesLeft > 0;
}

/** Holds an update that was not confirmed, in whatever stage. */
export function isUnconfirmed(state: SlotState): boolean {
  return state.kind === 'writing' || state.kind === 'written' || state.kind === 'trial';
}

export class SlotTransitionError extends Error {
  override readonly name = 'SlotTransitionError';
  constructor(state: SlotState, event: SlotEvent) {
    super(`a slot that is ${state.kind} does not take the event ${event.type}`);
  }
}
