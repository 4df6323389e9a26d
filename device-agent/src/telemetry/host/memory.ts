import { readFile } from 'node:fs/promises';
import { freemem, totalmem } from 'node:os';

export interface MemoryUse {
  readonly totalBytes: number;
  /** Neither free nor reclaimable without swapping. */
  readonly usedBytes: number;
}

/** /proc/meminfo (proc_meminfo(5)), whose `kB` are 1024 bytes; null when it lacks what we need. */
export function parseMeminfo(text: string): MemoryUse | null {
  const bytes = (name: string): number | undefined => {
    const kib = new RegExp(`^${name}: +(\\d+) kB$`, 'm').exec(text)?.[1];
    return kib === undefined ? undefined : Number(kib) * 1024;
  };
  const totalBytes = bytes('MemTotal');
  const freeBytes = bytes('MemFree');
  // Kernels before 3.14 have no MemAvailable; page cache and buffers are its better part.
  const availableBytes =
    bytes('MemAvailable') ??
    (freeBytes === undefined
      ? undefined
      : freeBytes + (bytes('Buffers') ?? 0) + (bytes('Cached') ?? 0));
  if (totalBytes === undefined || totalBytes === 0 || availableBytes === undefined) return null;
  return { totalBytes, usedBytes: Math.max(0, totalBytes - availableBytes) };
}

export async function readMemory(): Promise<MemoryUse> {
  if (process.platform === 'linux') {
    const use = parseMeminfo(await readFile('/proc/meminfo', 'utf8'));
    if (use !== null) return use;
  }
  return { totalBytes: totalmem(), usedBytes: totalmem() - freemem() };
}
