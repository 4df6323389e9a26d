import { constants, type Stats } from 'node:fs';
import { open, readFile, realpath, stat, type FileHandle } from 'node:fs/promises';
import type { SlotName } from './domain/slot-state.ts';

/** The configured slots cannot be used: nothing is written. */
export class SlotDeviceError extends Error {
  override readonly name = 'SlotDeviceError';
}

export interface SlotDevice {
  readonly path: string;
  /** Size of the partition, or of the file that stands for one. */
  readonly capacityBytes: number;
}

/**
 * Both slots' devices; throws SlotDeviceError when one is missing, is neither a block device nor a
 * file, is empty, or when both are the same whatever their names.
 */
export async function openSlotDevices(
  paths: Readonly<Record<SlotName, string>>,
): Promise<Record<SlotName, SlotDevice>> {
  const a = await inspect(paths.a);
  const b = await inspect(paths.b);
  if (a.identity === b.identity) {
    throw new SlotDeviceError(`slots a and b are the same: ${paths.a} and ${paths.b}`);
  }
  return { a: a.device, b: b.device };
}

/**
 * Opens a slot for writing. A block device is opened exclusively, which the kernel refuses while it is
 * mounted or otherwise in use, and is looked up among the mounts by its number besides: whatever the
 * configuration says, the running root is not written.
 */
export async function openSlotForWriting(path: string, mountInfoPath: string): Promise<FileHandle> {
  const status = await stat(path);
  const mounted = await mountPointOf(status, mountInfoPath);
  if (mounted !== null) throw new SlotDeviceError(`${path} is mounted on ${mounted}`);
  const exclusive = status.isBlockDevice() ? constants.O_EXCL : 0;
  try {
    return await open(path, constants.O_RDWR | exclusive);
  } catch (cause) {
    throw new SlotDeviceError(`${path} cannot be opened for writing`, { cause });
  }
}

async function inspect(path: string): Promise<{ device: SlotDevice; identity: string }> {
  let status: Stats;
  try {
    status = await stat(await realpath(path));
  } catch (cause) {
    throw new SlotDeviceError(`there is no slot at ${path}`, { cause });
  }
  if (!status.isBlockDevice() && !status.isFile()) {
    throw new SlotDeviceError(`${path} is neither a partition nor a file`);
  }
  const capacityBytes = status.isFile() ? status.size : await endOf(path);
  if (capacityBytes === 0) throw new SlotDeviceError(`${path} is empty`);
  const identity = status.isBlockDevice() ? `${status.rdev}` : `${status.dev}:${status.ino}`;
  return { device: { path, capacityBytes }, identity };
}

/** By halving, since Node has no call that tells a block device's size. */
async function endOf(path: string): Promise<number> {
  const file = await open(path, 'r');
  try {
    const byte = Buffer.alloc(1);
    const isInside = async (at: number) => (await file.read(byte, 0, 1, at)).bytesRead === 1;
    let low = 0;
    let high = 1;
    while (await isInside(high)) high *= 2;
    if (!(await isInside(0))) return 0;
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2);
      if (await isInside(middle)) low = middle;
      else high = middle;
    }
    return low + 1;
  } finally {
    await file.close();
  }
}

/** Null when the device is mounted nowhere (proc_pid_mountinfo(5), third field: major:minor). */
async function mountPointOf(status: Stats, mountInfoPath: string): Promise<string | null> {
  if (!status.isBlockDevice()) return null;
  const number = deviceNumber(status.rdev);
  for (const line of (await readFile(mountInfoPath, 'utf8')).split('\n')) {
    const [, , device, , mountPoint] = line.split(' ');
    if (device === number && mountPoint !== undefined) return mountPoint;
  }
  return null;
}

/** `major:minor` as the kernel writes it; the bits as in glibc's gnu_dev_major and gnu_dev_minor. */
export function deviceNumber(rdev: number): string {
  const value = BigInt(rdev);
  const major = ((value >> 8n) & 0xfffn) | ((value >> 32n) & 0xfffff000n);
  const minor = (value & 0xffn) | ((value >> 12n) & 0xffffff00n);
  return `${major}:${minor}`;
}
