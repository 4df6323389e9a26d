import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, readlink } from 'node:fs/promises';
import { basename, join } from 'node:path';

/** What lies on a device's disk, read past the agent. */
export interface DeviceDisk {
  /** `a` or `b`: where the `current` link points; null before the first firmware. */
  readonly currentSlot: string | null;
  /** SHA-256 of the artifact in each slot; null for an empty slot. */
  readonly artifactSha256: Readonly<Record<'a' | 'b', string | null>>;
}

export async function readDeviceDisk(deviceDir: string): Promise<DeviceDisk> {
  const slots = join(deviceDir, 'slots');
  const link = join(slots, 'current');
  return {
    currentSlot: existsSync(link) ? basename(await readlink(link)) : null,
    artifactSha256: { a: await digest(join(slots, 'a')), b: await digest(join(slots, 'b')) },
  };
}

async function digest(slot: string): Promise<string | null> {
  const file = join(slot, 'artifact.tar');
  if (!existsSync(file)) return null;
  return createHash('sha256')
    .update(await readFile(file))
    .digest('hex');
}
