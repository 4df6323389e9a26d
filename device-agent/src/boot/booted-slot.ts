import { SLOT_NAMES, type SlotName } from '../slots/domain/slot-state.ts';

/**
 * The slot that the boot script named on the kernel's command line (`flotilla.slot=a`; the last one
 * counts, as with the kernel's own parameters), null when it named none.
 */
export function bootedSlotOf(commandLine: string): SlotName | null {
  const values = commandLine
    .split(/\s+/)
    .filter((word) => word.startsWith('flotilla.slot='))
    .map((word) => word.slice('flotilla.slot='.length));
  return SLOT_NAMES.find((slot) => slot === values.at(-1)) ?? null;
}
