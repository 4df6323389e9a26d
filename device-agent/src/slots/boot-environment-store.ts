import { open, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { syncFolder } from '@flotilla/service';
import { isFileError } from '../disk/durable-file.ts';
import type { DurableStep } from '../disk/durable-step.ts';
import { writeAt } from '../disk/write-at.ts';
import { EMPTY_ENVIRONMENT, type BootEnvironment } from './domain/boot-decision.ts';

/** One of the two copies; `environment` is null when it is whole but says nothing about slots. */
export interface EnvironmentCopy {
  readonly environment: BootEnvironment | null;
}

/** How a boot loader keeps one copy of its environment. */
export interface EnvironmentFormat<C extends EnvironmentCopy> {
  readonly sizeBytes: number;
  /** Null when the bytes are not a whole, undamaged copy. Never throws. */
  decode(bytes: Buffer): C | null;
  /** Whether `first` was written after `second`, both whole. */
  isNewer(first: C, second: C): boolean;
  /** The copy that follows `newest`, to be written over the other one. */
  encode(newest: C | null, environment: BootEnvironment): { bytes: Buffer; copy: C };
}

/** A file, or a place within a partition or flash device that exists already. */
export interface CopyLocation {
  readonly path: string;
  readonly offsetBytes: number;
}

/** Where the boot environment is kept, whatever the boot loader. */
export interface BootEnvironmentStore {
  readonly current: BootEnvironment;
  /**
   * Durable and read back when it resolves; throws BootEnvironmentError when it reads back differently.
   * Changes happen one after another, each on what the last one left; one that returns the same
   * environment is not written. `name` is told to the DurableStep as `env:<name>`.
   */
  change(name: string, change: (environment: BootEnvironment) => BootEnvironment): Promise<void>;
}

export interface OpenedEnvironment {
  readonly store: BootEnvironmentStore;
  /** There is something, but nothing that tells about slots: no copy is readable, or a foreign one is. */
  readonly lost: boolean;
}

type Copies<C> = [C | null, C | null];

/**
 * Two copies; a save overwrites the older one in place, as a boot loader does, so a torn write costs
 * the new copy and leaves the old environment in force.
 */
export class TwoCopyStore<C extends EnvironmentCopy> implements BootEnvironmentStore {
  readonly #format: EnvironmentFormat<C>;
  readonly #locations: readonly [CopyLocation, CopyLocation];
  readonly #step: DurableStep;
  #copies: Copies<C>;
  #turn: Promise<void> = Promise.resolve();

  private constructor(
    format: EnvironmentFormat<C>,
    locations: readonly [CopyLocation, CopyLocation],
    step: DurableStep,
    copies: Copies<C>,
  ) {
    this.#format = format;
    this.#locations = locations;
    this.#step = step;
    this.#copies = copies;
  }

  static async open<C extends EnvironmentCopy>(
    format: EnvironmentFormat<C>,
    locations: readonly [CopyLocation, CopyLocation],
    step: DurableStep,
  ): Promise<OpenedEnvironment> {
    const first = await readLocation(locations[0], format.sizeBytes);
    const second = await readLocation(locations[1], format.sizeBytes);
    const copies: Copies<C> = [
      first === null ? null : format.decode(first),
      second === null ? null : format.decode(second),
    ];
    const store = new TwoCopyStore(format, locations, step, copies);
    const exists = first !== null || second !== null;
    return { store, lost: exists && (store.#newest()?.environment ?? null) === null };
  }

  get current(): BootEnvironment {
    return this.#newest()?.environment ?? EMPTY_ENVIRONMENT;
  }

  async change(
    name: string,
    change: (environment: BootEnvironment) => BootEnvironment,
  ): Promise<void> {
    const turn = this.#turn.then(async () => {
      const next = change(this.current);
      if (next !== this.current) await this.#write(name, next);
    });
    this.#turn = turn.catch(() => undefined);
    await turn;
  }

  async #write(name: string, environment: BootEnvironment): Promise<void> {
    const newest = this.#newest();
    const index = newest !== null && newest === this.#copies[0] ? 1 : 0;
    const { bytes, copy } = this.#format.encode(newest, environment);
    await this.#step(`env:${name}`, () => writeLocation(this.#locations[index], bytes));
    this.#copies[index] = copy;
  }

  #newest(): C | null {
    const [first, second] = this.#copies;
    if (first === null || second === null) return first ?? second;
    return this.#format.isNewer(second, first) ? second : first;
  }
}

/** At most that many bytes; null when there is no such file. */
export async function readLocation(
  location: CopyLocation,
  sizeBytes: number,
): Promise<Buffer | null> {
  let file: FileHandle;
  try {
    file = await open(location.path, 'r');
  } catch (error) {
    if (isFileError(error, 'ENOENT')) return null;
    throw error;
  }
  try {
    const bytes = Buffer.alloc(sizeBytes);
    let done = 0;
    while (done < sizeBytes) {
      const { bytesRead } = await file.read(
        bytes,
        done,
        sizeBytes - done,
        location.offsetBytes + done,
      );
      if (bytesRead === 0) break;
      done += bytesRead;
    }
    return bytes.subarray(0, done);
  } finally {
    await file.close();
  }
}

/** Durable and read back when it resolves; throws BootEnvironmentError when it reads back differently. */
export async function writeLocation(location: CopyLocation, bytes: Buffer): Promise<void> {
  const { path, offsetBytes } = location;
  // Opening for append creates without truncating: the old content stays until it is overwritten.
  await open(path, 'a').then((created) => created.close());
  const file = await open(path, 'r+');
  try {
    await writeAt(file, bytes, offsetBytes);
    await file.sync();
  } finally {
    await file.close();
  }
  await syncFolder(dirname(path));
  const readBack = await readLocation(location, bytes.length);
  if (readBack?.equals(bytes) !== true) {
    throw new BootEnvironmentError(`${path} reads back differently`);
  }
}

export class BootEnvironmentError extends Error {
  override readonly name = 'BootEnvironmentError';
}
