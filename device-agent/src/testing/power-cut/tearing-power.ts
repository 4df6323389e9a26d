import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import type { DurableStep } from '../../disk/durable-step.ts';
import { PowerCutError } from '../power-cut.ts';

/** How the write at which the power goes ends up on the disk. */
export type TearSide = 'before' | 'torn' | 'after';

export interface TearingCut {
  /** The n-th durable write of a run, from 1. */
  readonly index: number;
  readonly side: TearSide;
}

export interface TearingPowerOptions {
  readonly cut: TearingCut | null;
  /** Files overwritten in place: a torn write leaves a mix of old and new bytes in them. */
  readonly inPlace: readonly string[];
  /** 0 to 1. */
  readonly random: () => number;
}

/** Counts durable writes; at the cut one is left out, torn or done, and nothing is written after it. */
export class TearingPower {
  readonly names: string[] = [];
  readonly #options: TearingPowerOptions;
  #isOff = false;

  constructor(options: TearingPowerOptions) {
    this.#options = options;
  }

  get isOff(): boolean {
    return this.#isOff;
  }

  readonly step: DurableStep = async (name, write) => {
    if (this.#isOff) throw new PowerCutError(name);
    this.names.push(name);
    const { cut } = this.#options;
    const side = cut?.index === this.names.length ? cut.side : null;
    if (side === null) return write();
    this.#isOff = true;
    if (side === 'torn') await this.#tear(write);
    if (side === 'after') await write();
    throw new PowerCutError(`${side} ${name}`);
  };

  /** Files replaced by renaming stay as they were: a rename is done or not. */
  async #tear(write: () => Promise<void>): Promise<void> {
    const before = this.#options.inPlace.map((path) => readIfThere(path));
    const isRename = !(await this.#changesInPlace(write, before));
    if (isRename) return;
    for (const [index, path] of this.#options.inPlace.entries()) {
      const old = before[index] ?? null;
      const now = readIfThere(path);
      if (now === null || (old !== null && old.equals(now))) continue;
      writeFileSync(path, this.#mix(old ?? Buffer.alloc(0), now));
    }
  }

  async #changesInPlace(
    write: () => Promise<void>,
    before: readonly (Buffer | null)[],
  ): Promise<boolean> {
    await write();
    return this.#options.inPlace.some((path, index) => {
      const now = readIfThere(path);
      const old = before[index] ?? null;
      return now !== null && (old === null || !old.equals(now));
    });
  }

  /** New bytes up to a random place within what changed, then the old ones, or none where the file grew. */
  #mix(old: Buffer, now: Buffer): Buffer {
    const { random } = this.#options;
    let first = 0;
    while (first < old.length && old[first] === now[first]) first += 1;
    let last = now.length;
    while (last > first && last <= old.length && old[last - 1] === now[last - 1]) last -= 1;
    const at = first + Math.floor(random() * (last - first));
    const mixed = Buffer.concat([now.subarray(0, at), old.subarray(at)]);
    return old.length >= now.length ? mixed : mixed.subarray(0, Math.max(at, old.length));
  }
}

function readIfThere(path: string): Buffer | null {
  return existsSync(path) && statSync(path).isFile() ? readFileSync(path) : null;
}
