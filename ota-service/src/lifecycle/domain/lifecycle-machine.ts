import { LIFECYCLE_STATES, type LifecycleState } from '@flotilla/contracts';
import { initialTransition, setup, transition } from 'xstate';

interface LifecycleContext {
  readonly isQuarantined: boolean;
}

export type LifecycleEvent =
  { readonly type: 'activate' } | { readonly type: 'maintain' } | { readonly type: 'retire' };

const EVENT_TO: Readonly<Record<Exclude<LifecycleState, 'provisioned'>, LifecycleEvent['type']>> = {
  active: 'activate',
  maintenance: 'maintain',
  retired: 'retire',
};

/**
 * A device from its registration to its end. Tags say which updates it may get: `updates` all,
 * `updates when asked` those of campaigns that include maintenance, `first firmware` that of its rule.
 */
export const lifecycleMachine = setup({
  types: {
    context: {} as LifecycleContext,
    events: {} as LifecycleEvent,
    input: {} as LifecycleContext,
    tags: {} as 'updates' | 'updates when asked' | 'first firmware',
  },
  guards: {
    /** Whose identity is in doubt is not put to work; it may be looked at, or retired. */
    identityIsClear: ({ context }) => !context.isQuarantined,
  },
}).createMachine({
  id: 'device',
  context: ({ input }) => input,
  initial: 'provisioned',
  states: {
    provisioned: {
      tags: ['first firmware'],
      on: {
        activate: { target: 'active', guard: 'identityIsClear' },
        retire: { target: 'retired' },
      },
    },
    active: {
      tags: ['updates'],
      on: { maintain: { target: 'maintenance' }, retire: { target: 'retired' } },
    },
    maintenance: {
      tags: ['updates when asked'],
      on: {
        activate: { target: 'active', guard: 'identityIsClear' },
        retire: { target: 'retired' },
      },
    },
    retired: { type: 'final' },
  },
});

export type LifecycleStep =
  | { readonly kind: 'change'; readonly to: LifecycleState }
  | { readonly kind: 'unchanged' }
  | { readonly kind: 'refused'; readonly reason: string };

/** May a device go from one state to another? To stay where it is changes nothing, even retired. */
export function stepLifecycle(
  from: LifecycleState,
  to: Exclude<LifecycleState, 'provisioned'>,
  context: LifecycleContext,
): LifecycleStep {
  if (from === to) return { kind: 'unchanged' };
  const event = { type: EVENT_TO[to] };
  const snapshot = snapshotAt(from, context);
  if (transition(lifecycleMachine, snapshot, event)[0].value === to) return { kind: 'change', to };
  const wouldBeClear = snapshotAt(from, { isQuarantined: false });
  const reason =
    from === 'retired'
      ? 'there is no way back from retired'
      : transition(lifecycleMachine, wouldBeClear, event)[0].value === to
        ? 'its identity is in quarantine; resolve that first'
        : `a device that is ${from} does not become ${to}`;
  return { kind: 'refused', reason };
}

/** Where a device may go from here. */
export function nextStates(from: LifecycleState, context: LifecycleContext): LifecycleState[] {
  return LIFECYCLE_STATES.filter(
    (to) => to !== 'provisioned' && stepLifecycle(from, to, context).kind === 'change',
  );
}

export type UpdateKind = 'campaign' | 'campaign_with_maintenance' | 'first_firmware';

/** May a device in this state be offered an update of this kind? */
export function mayBeOffered(state: LifecycleState, kind: UpdateKind): boolean {
  const snapshot = snapshotAt(state, { isQuarantined: false });
  if (kind === 'first_firmware') {
    return snapshot.hasTag('first firmware') || snapshot.hasTag('updates');
  }
  if (snapshot.hasTag('updates')) return true;
  return kind === 'campaign_with_maintenance' && snapshot.hasTag('updates when asked');
}

function snapshotAt(value: LifecycleState, context: LifecycleContext) {
  const [initial] = initialTransition(lifecycleMachine, context);
  return lifecycleMachine.resolveState({ ...initial, value, context });
}
