import type { DurableStep } from '../disk/durable-step.ts';
import { readLocation, writeLocation, type CopyLocation } from '../slots/boot-environment-store.ts';
import type { SlotName } from '../slots/domain/slot-state.ts';
import { decodeGrub, GRUB_BLOCK_BYTES, grubValues, nextSequence } from './grub-environment.ts';
import { saveIntoBlock } from './grub-save.ts';
import { chooseUncounted, decideLoaderBoot, giveUp } from './loader-decision.ts';
import { copySizeBytes, grubLocations, type LoaderEnvironment } from './loader-environment.ts';
import { decodeUboot, encodeUboot, isNewerFlags } from './uboot-environment.ts';

export interface SimulatedLoaderOptions {
  readonly environment: LoaderEnvironment;
  /** Whether the slot's system can be loaded at all. */
  readonly canStart: (slot: SlotName) => Promise<boolean>;
  /** Each save is one step, `loader:<slot>`. */
  readonly step: DurableStep;
}

export interface LoadedCopies {
  readonly variables: ReadonlyMap<string, string>;
  /** The counter of the copy they are from. */
  readonly counter: number;
  readonly newest: 0 | 1;
}

/**
 * Does what the shipped boot script does (boot-scripts/), on the same environment: for development
 * and tests without the machine. Null when nothing could be started in three rounds.
 */
export async function simulateBoot(options: SimulatedLoaderOptions): Promise<SlotName | null> {
  const { environment, canStart, step } = options;
  let loaded = await load(environment);
  for (let round = 1; round <= 3; round += 1) {
    const decision = decideLoaderBoot(loaded.variables);
    const { variables } = decision;
    let saved: LoadedCopies | null = null;
    await step(`loader:${decision.slot}`, async () => {
      saved = await save(environment, { ...loaded, variables });
    });
    const slot = saved === null ? chooseUncounted(decision) : decision.slot;
    loaded = saved ?? loaded;
    if (await canStart(slot)) return slot;
    loaded = { ...loaded, variables: giveUp(variables, slot) };
  }
  return null;
}

function locationsOf(environment: LoaderEnvironment): readonly [CopyLocation, CopyLocation] {
  return environment.loader === 'uboot' ? environment.locations : grubLocations(environment.folder);
}

async function load(environment: LoaderEnvironment): Promise<LoadedCopies> {
  const locations = locationsOf(environment);
  const size = copySizeBytes(environment);
  const [first, second] = locations;
  return chooseCopy(environment, [
    await readLocation(first, size),
    await readLocation(second, size),
  ]);
}

/** The newer of the readable copies; without one there are no variables. */
export function chooseCopy(
  environment: LoaderEnvironment,
  copies: readonly [Buffer | null, Buffer | null],
): LoadedCopies {
  const size = copySizeBytes(environment);
  const [first = null, second = null] = copies.map((copy) =>
    copy?.length === size ? decode(environment, copy) : null,
  );
  if (first !== null && (second === null || !isNewer(environment, second, first))) {
    return { ...first, newest: 0 };
  }
  return second === null
    ? { variables: new Map(), counter: 0, newest: 0 }
    : { ...second, newest: 1 };
}

type Decoded = Pick<LoadedCopies, 'variables' | 'counter'>;

function decode({ loader }: LoaderEnvironment, bytes: Buffer): Decoded | null {
  if (loader === 'grub') {
    const block = decodeGrub(bytes);
    return block && { variables: block.variables, counter: block.sequence };
  }
  const copy = decodeUboot(bytes);
  return copy && { variables: copy.variables, counter: copy.flags };
}

function isNewer({ loader }: LoaderEnvironment, first: Decoded, second: Decoded): boolean {
  return loader === 'grub'
    ? first.counter === nextSequence(second.counter)
    : isNewerFlags(first.counter, second.counter);
}

/** Null when it does not read back. */
async function save(
  environment: LoaderEnvironment,
  loaded: LoadedCopies,
): Promise<LoadedCopies | null> {
  const { variables, counter, newest } = loaded;
  const locations = locationsOf(environment);
  const older = newest === 0 ? 1 : 0;
  if (environment.loader === 'uboot') {
    const next = (counter + 1) & 0xff;
    await writeLocation(locations[older], encodeUboot(variables, next, environment.sizeBytes));
    return { variables, counter: next, newest: older };
  }
  if (await saveGrub(locations[older], variables, nextSequence(counter))) {
    return { variables, counter: nextSequence(counter), newest: older };
  }
  // In place, with its number: two further than the other one it would look older.
  return (await saveGrub(locations[newest], variables, counter)) ? loaded : null;
}

/** False when the block does not hold it afterwards. */
async function saveGrub(
  location: CopyLocation,
  variables: ReadonlyMap<string, string>,
  sequence: number,
): Promise<boolean> {
  const values = grubValues(variables, sequence);
  const present = await readLocation(location, GRUB_BLOCK_BYTES);
  const saved = present && saveIntoBlock(present, values);
  if (saved === null) return false;
  await writeLocation(location, saved);
  const block = decodeGrub(saved);
  return block !== null && block.variables.get('BOOT_CHECK') === values.get('BOOT_CHECK');
}
