import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { z } from 'zod';
import type { DurableStep } from '../disk/durable-step.ts';
import {
  TwoCopyStore,
  type EnvironmentCopy,
  type EnvironmentFormat,
  type OpenedEnvironment,
} from './boot-environment-store.ts';
import type { BootEnvironment } from './domain/boot-decision.ts';
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

export interface OwnCopy extends EnvironmentCopy {
  readonly sequence: number;
  readonly environment: BootEnvironment;
}

/** Used where the agent is its own boot loader: JSON under a checksum. */
export const OWN_FORMAT: EnvironmentFormat<OwnCopy> = {
  sizeBytes: COPY_SIZE_BYTES,
  decode: decodeCopy,
  // The counter may wrap: of two copies one is a step ahead, never half its range.
  isNewer: (first, second) => ((first.sequence - second.sequence) | 0) > 0,
  encode: (newest, environment) => {
    const copy = { sequence: ((newest?.sequence ?? 0) + 1) >>> 0, environment };
    return { bytes: encodeCopy(copy), copy };
  },
};

/** Two files, `env-0` and `env-1`, in a folder that is made if need be. */
export async function openOwnEnvironment(
  folder: string,
  step: DurableStep,
): Promise<OpenedEnvironment> {
  await mkdir(folder, { recursive: true });
  const at = (index: 0 | 1) => ({ path: copyPath(folder, index), offsetBytes: 0 });
  return TwoCopyStore.open(OWN_FORMAT, [at(0), at(1)], step);
}

export function copyPath(folder: string, index: 0 | 1): string {
  return join(folder, `env-${index}`);
}

export function encodeCopy(copy: OwnCopy): Buffer {
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
export function decodeCopy(bytes: Buffer): OwnCopy | null {
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
