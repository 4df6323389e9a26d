import { readFile } from 'node:fs/promises';
import type { DurableStep } from '../disk/durable-step.ts';
import { readLocation, writeLocation, type CopyLocation } from '../slots/boot-environment-store.ts';
import type { SlotName } from '../slots/domain/slot-state.ts';
import { decodeGrub, encodeGrub, hasSignature, nextSequence } from './grub-environment.ts';
import { decideLoaderBoot, giveUp } from './loader-decision.ts';
import { copySizeBytes, grubLocations, type LoaderEnvironment } from './loader-environment.ts';
import { decodeUboot, encodeUboot, isNewerFlags } from './uboot-environment.ts';

export interface SimulatedLoaderOptions {
  readonly environment: LoaderEnvironment;
  /** Whether the slot's system can be loaded at all. */
  readonly canStart: (slot: SlotName) => Promise<boolean>;
  /** Each save is one step, `loader:<slot>`. */
  readonly step: DurableStep;
}

interface Loaded {
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
    const { slot, variables } = decideLoaderBoot(loaded.variables);
    const before: Loaded = { ...loaded, variables };
    await step(`loader:${slot}`, async () => {
      loaded = await save(environment, before);
    });
    if (await canStart(slot)) return slot;
    loaded = { ...loaded, variables: giveUp(variables, slot) };
  }
  return null;
}

function locationsOf(environment: LoaderEnvironment): readonly [CopyLocation, CopyLocation] {
  return environment.loader === 'uboot' ? environment.locations : grubLocations(environment.folder);
}

async function load(environment: LoaderEnvironment): Promise<Loaded> {
  const locations = locationsOf(environment);
  const size = copySizeBytes(environment);
  const bytes = await Promise.all(locations.map((location) => readLocation(location, size)));
  const [first = null, second = null] = bytes.map((copy) =>
    copy?.length === size ? decode(environment, copy) : null,
  );
  if (first !== null && (second === null || !isNewer(environment, second, first))) {
    return { ...first, newest: 0 };
  }
  return second === null
    ? { variables: new Map(), counter: 0, newest: 0 }
    : { ...second, newest: 1 };
}

type Decoded = Pick<Loaded, 'variables' | 'counter'>;

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

async function save(environment: LoaderEnvironment, loaded: Loaded): Promise<Loaded> {
  const { variables, counter, newest } = loaded;
  const locations = locationsOf(environment);
  const older = newest === 0 ? 1 : 0;
  if (environment.loader === 'uboot') {
    const next = (counter + 1) & 0xff;
    await writeLocation(locations[older], encodeUboot(variables, next, environment.sizeBytes));
    return { variables, counter: next, newest: older };
  }
  const next = nextSequence(counter);
  const bytes = encodeGrub(variables, next);
  // save_env refuses a file without its first line; the script then writes the other one in place.
  for (const index of [older, newest] as const) {
    const present = await readFile(locations[index].path).catch(() => Buffer.alloc(0));
    if (!hasSignature(present)) continue;
    await writeLocation(locations[index], bytes);
    return { variables, counter: next, newest: index };
  }
  return loaded;
}
