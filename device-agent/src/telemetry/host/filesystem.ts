import { statfs } from 'node:fs/promises';

export interface FilesystemUse {
  readonly usedBytes: number;
  /** What an ordinary process may still write. */
  readonly freeBytes: number;
  /** Free, but kept for root. */
  readonly reservedBytes: number;
  /** used / (used + free), as `df` counts it: 1 means the next write fails. */
  readonly utilization: number;
}

/** Fields of statvfs (POSIX sys/statvfs.h). */
export interface FilesystemBlocks {
  readonly bsize: number;
  readonly blocks: number;
  readonly bfree: number;
  readonly bavail: number;
}

/** Null for a file system without blocks, such as a pseudo one. */
export function filesystemUse(stat: FilesystemBlocks): FilesystemUse | null {
  const usedBytes = Math.max(0, stat.blocks - stat.bfree) * stat.bsize;
  const freeBytes = Math.max(0, stat.bavail) * stat.bsize;
  if (usedBytes + freeBytes === 0) return null;
  return {
    usedBytes,
    freeBytes,
    reservedBytes: Math.max(0, stat.bfree - stat.bavail) * stat.bsize,
    utilization: usedBytes / (usedBytes + freeBytes),
  };
}

/** The file system that holds `path`. */
export async function readFilesystem(path: string): Promise<FilesystemUse | null> {
  return filesystemUse(await statfs(path));
}
