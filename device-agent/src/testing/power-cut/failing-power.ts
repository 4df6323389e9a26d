import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import type { DurableStep } from '../../disk/durable-step.ts';
import type { ArtifactWriter, SlotBackend } from '../../slots/slot-backend.ts';
import { PowerCutError } from '../power-cut.ts';

/** How the write at which the power goes ends up on the disk. */
export type CutSide = 'before' | 'torn' | 'after';

/** The n-th durable write of a run, from 1; or when so many bytes of a slot were written in it. */
export type PowerCut =
  | { readonly kind: 'write'; readonly index: number; readonly side: CutSide }
  | { readonly kind: 'byte'; readonly atByte: number };

export interface FailingPowerOptions {
  readonly cut: PowerCut | null;
  /** Files overwritten in place: a torn write leaves a mix of old and new bytes in them. */
  readonly inPlace: readonly string[];
  /** 0 to 1. */
  readonly random: () => number;
  /** Instead of going on without a disk, e.g. to end the process. */
  readonly onCut?: () => void;
}

/** What a disk writes as one. */
const BLOCK_BYTES = 4096;

/** Lets durable writes through up to the cut; nothing is written after it. */
export class FailingPower {
  readonly names: string[] = [];
  /** Bytes of slots written. */
  slotBytes = 0;
  readonly #options: FailingPowerOptions;
  #isOff = false;

  constructor(options: FailingPowerOptions) {
    this.#options = options;
  }

  get isOff(): boolean {
    return this.#isOff;
  }

  readonly step: DurableStep = async (name, write) => {
    if (this.#isOff) throw new PowerCutError(name);
    this.names.push(name);
    const { cut } = this.#options;
    const side = cut?.kind === 'write' && cut.index === this.names.length ? cut.side : null;
    if (side === null) return write();
    this.#isOff = true;
    if (side === 'torn') await this.#tear(write);
    if (side === 'after') await write();
    this.#options.onCut?.();
    throw new PowerCutError(`${side} ${name}`);
  };

  /** The same slots, whose writers lose their power at a byte. */
  over(slots: SlotBackend): SlotBackend {
    const openForWriting = async (...args: Parameters<SlotBackend['openForWriting']>) => {
      const [slot, resumeAtBytes = 0] = args;
      const writer = await slots.openForWriting(...args);
      return this.#overWriter(writer, slots.artifactPath(slot), resumeAtBytes);
    };
    return new Proxy(slots, {
      get: (target, name) => {
        if (name === 'openForWriting') return openForWriting;
        const value: unknown = Reflect.get(target, name);
        return typeof value === 'function' ? (value.bind(target) as unknown) : value;
      },
    });
  }

  #overWriter(writer: ArtifactWriter, path: string, resumeAtBytes: number): ArtifactWriter {
    let position = resumeAtBytes;
    let durable = resumeAtBytes;
    return {
      write: async (chunk) => {
        if (this.#isOff) throw new PowerCutError('slot');
        const { cut } = this.#options;
        const left = cut?.kind === 'byte' ? cut.atByte - this.slotBytes : Infinity;
        if (left <= chunk.length) {
          await writer.write(chunk.subarray(0, left));
          this.#isOff = true;
          this.#loseUnflushed(path, durable, position + left);
          this.#options.onCut?.();
          throw new PowerCutError(`byte ${position + left} of a slot`);
        }
        await writer.write(chunk);
        position += chunk.length;
        this.slotBytes += chunk.length;
      },
      checkpoint: async () => (durable = await writer.checkpoint()),
      finish: () => writer.finish(),
      abandon: () => writer.abandon(),
    };
  }

  /** Of what was not made durable any block may have reached the disk, in any order. */
  #loseUnflushed(path: string, durable: number, end: number): void {
    const bytes = readFileSync(path);
    for (let at = durable; at < Math.min(end, bytes.length); at += BLOCK_BYTES) {
      if (this.#options.random() < 0.5) bytes.fill(0, at, Math.min(at + BLOCK_BYTES, end));
    }
    writeFileSync(path, bytes, { flag: 'r+' });
  }

  /** Files replaced by renaming stay as they were: a rename is done or not. */
  async #tear(write: () => Promise<void>): Promise<void> {
    const before = this.#options.inPlace.map((path) => readIfThere(path));
    await write();
    for (const [index, path] of this.#options.inPlace.entries()) {
      const old = before[index] ?? null;
      const now = readIfThere(path);
      if (now === null || (old !== null && old.equals(now))) continue;
      writeFileSync(path, this.#mix(old ?? Buffer.alloc(0), now));
    }
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
