import { mkdir, open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { syncFolder } from '@flotilla/service';
import { z } from 'zod';
import { isFileError } from '../disk/durable-file.ts';
import type { DurableStep } from '../disk/durable-step.ts';
import { EMPTY_ENVIRONMENT, type BootEnvironment } from './domain/boot-decision.ts';
import { SLOT_NAMES } from './domain/slot-state.ts';

/** One copy on disk: magic, format, sequence, payload length, JSON payload, padding, CRC-32. */
export const COPY_SIZE_BYTES = 1024;
const MAGIC = 0x464c4245;
const FORMAT = 1;
const HEADER_BYTES = 12;
const CRC_OFFSET = COPY_SIZE_BYTES - 4;

const tries = z.number().int().min(0).max(255);
const slotStateSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('empty') }),
  z.object({ kind: z.literal('writing') }),
  z.object({ kind: z.literal('written') }),
  z.object({ kind: z.literal('trial'), triesLeft: tries }),
  z.object({ kind: z.literal('good'), triesLeft: tries }),
  z.object({ kind: z.literal('bad') }),
]);
const slotNameSchema = z.enum(SLOT_NAMES);
const environmentSchema = z.object({
  order: z
    .tuple([slotNameSchema, slotNameSchema])
    .refine(([first, second]) => first !== second, 'names one slot twice'),
  slots: z.object({ a: slotStateSchema, b: slotStateSchema }),
});

export interface EnvironmentCopy {
  readonly sequence: number;
  readonly environment: BootEnvironment;
}

export function encodeCopy(copy: EnvironmentCopy): Buffer {
  const payload = Buffer.from(JSON.stringify(copy.environment), 'utf8');
  const bytes = Buffer.alloc(COPY_SIZE_BYTES);
  bytes.writeUInt32BE(MAGIC, 0);
  bytes.writeUInt16BE(FORMAT, 4);
  bytes.writeUInt32BE(copy.sequence, 6);
  bytes.writeUInt16BE(payload.length, 10);
  payload.copy(bytes, HEADER_BYTES);
  bytes.writeUInt32BE(crc32(bytes.subarray(0, CRC_OFFSET)), CRC_OFFSET);
  return bytes;
}

/** Null when the bytes are not a whole, undamaged copy. */
export function decodeCopy(bytes: Buffer): EnvironmentCopy | null {
  if (bytes.length !== COPY_SIZE_BYTES) return null;
  if (bytes.readUInt32BE(0) !== MAGIC || bytes.readUInt16BE(4) !== FORMAT) return null;
  if (crc32(bytes.subarray(0, CRC_OFFSET)) !== bytes.readUInt32BE(CRC_OFFSET)) return null;
  const payload = bytes.subarray(HEADER_BYTES, HEADER_BYTES + bytes.readUInt16BE(10));
  try {
    const environment = environmentSchema.parse(JSON.parse(payload.toString('utf8')));
    return { sequence: bytes.readUInt32BE(6), environment };
  } catch {
    // The checksum held, so another program wrote this: as unusable as a torn copy.
    return null;
  }
}

/**
 * Two copies; a save overwrites the older one in place, as on a raw partition, so a torn write costs
 * the new copy and leaves the old environment in force.
 */
export class BootEnvironmentStore {
  readonly #folder: string;
  readonly #step: DurableStep;
  #copies: [EnvironmentCopy | null, EnvironmentCopy | null];
  #turn: Promise<void> = Promise.resolve();

  private constructor(
    folder: string,
    step: DurableStep,
    copies: [EnvironmentCopy | null, EnvironmentCopy | null],
  ) {
    this.#folder = folder;
    this.#step = step;
    this.#copies = copies;
  }

  /** `lost` is true when copies exist and none of them is readable. */
  static async open(
    folder: string,
    step: DurableStep,
  ): Promise<{ store: BootEnvironmentStore; lost: boolean }> {
    await mkdir(folder, { recursive: true });
    const first = await readCopy(folder, 0);
    const second = await readCopy(folder, 1);
    const store = new BootEnvironmentStore(folder, step, [first.copy, second.copy]);
    const readable = first.copy !== null || second.copy !== null;
    return { store, lost: !readable && (first.exists || second.exists) };
  }

  get current(): BootEnvironment {
    return this.#newest()?.environment ?? EMPTY_ENVIRONMENT;
  }

  /**
   * Durable and read back when it resolves; throws BootEnvironmentError when it reads back differently.
   * Changes happen one after another, each on what the last one left; one that returns the same
   * environment is not written.
   */
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
    const copy = { sequence: (newest?.sequence ?? 0) + 1, environment };
    await this.#step(`env:${name}`, () => writeCopy(this.#folder, index, encodeCopy(copy)));
    this.#copies[index] = copy;
  }

  #newest(): EnvironmentCopy | null {
    const [first, second] = this.#copies;
    if (first === null || second === null) return first ?? second;
    return first.sequence > second.sequence ? first : second;
  }
}

export function copyPath(folder: string, index: 0 | 1): string {
  return join(folder, `env-${index}`);
}

async function readCopy(
  folder: string,
  index: 0 | 1,
): Promise<{ copy: EnvironmentCopy | null; exists: boolean }> {
  try {
    return { copy: decodeCopy(await readFile(copyPath(folder, index))), exists: true };
  } catch (error) {
    if (isFileError(error, 'ENOENT')) return { copy: null, exists: false };
    throw error;
  }
}

async function writeCopy(folder: string, index: 0 | 1, bytes: Buffer): Promise<void> {
  const path = copyPath(folder, index);
  const file = await open(path, 'a').then(async (created) => {
    // Opening for append creates without truncating: the old content stays until it is overwritten.
    await created.close();
    return open(path, 'r+');
  });
  try {
    await file.write(bytes, 0, bytes.length, 0);
    await file.truncate(bytes.length);
    await file.sync();
  } finally {
    await file.close();
  }
  await syncFolder(folder);
  const readBack = await readFile(path);
  if (!readBack.equals(bytes)) throw new BootEnvironmentError(`${path} reads back differently`);
}

export class BootEnvironmentError extends Error {
  override readonly name = 'BootEnvironmentError';
}
