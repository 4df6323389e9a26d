import type { BootEnvironment } from '../slots/domain/boot-decision.ts';
import type { BootedSlot } from '../slots/slot-backend.ts';
import type { AttemptLedger } from './attempt-ledger.ts';
import type { BootObservation } from './domain/update-machine.ts';

/** The journal beside the truth: what the boot environment says, and what runs. */
export function observeBoot(
  { slots, order }: BootEnvironment,
  { phase, current }: Pick<AttemptLedger, 'phase' | 'current'>,
  booted: BootedSlot | null,
): BootObservation {
  const slot = current?.target ?? null;
  const state = slot === null ? null : slots[slot];
  const triesLeft = state !== null && 'triesLeft' in state ? state.triesLeft : 0;
  return {
    phase,
    target:
      slot === null || state === null
        ? null
        : { slot, state: state.kind, triesLeft, isFirst: order[0] === slot },
    booted: booted === null ? null : { slot: booted.slot, state: slots[booted.slot].kind },
    starts: current?.starts ?? 0,
  };
}
