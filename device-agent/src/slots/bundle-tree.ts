import { lstat, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { sha256Schema } from '@flotilla/contracts';
import { z } from 'zod';
import { isFileError } from '../disk/durable-file.ts';
import { digestFile } from '../disk/file-digest.ts';
import { BundleError } from './bundle-error.ts';

/** What a bundle unpacked to; paths are relative to its folder. */
export const bundleTreeSchema = z.object({
  files: z.array(
    z.object({
      path: z.string(),
      sizeBytes: z.number().int().nonnegative(),
      sha256: sha256Schema,
      isExecutable: z.boolean(),
    }),
  ),
  links: z.array(z.object({ path: z.string(), target: z.string() })),
});
export type BundleTree = z.output<typeof bundleTreeSchema>;

export interface TreeCheck {
  /** Of the files that are read; all of them are looked at. */
  readonly budgetBytes: number;
  /** 0 to 1: with which file the reading begins, so that every one has its turn. */
  readonly startAt: number;
}

/**
 * Throws BundleError that names the first damaged file: one that is gone, has another size, kind or
 * executable bit, or, as far as the budget reaches, other bytes on the medium. What the firmware has
 * put beside them is not looked at.
 */
export async function checkTree(
  treePath: string,
  { files, links }: BundleTree,
  { budgetBytes, startAt }: TreeCheck,
): Promise<void> {
  for (const link of links) {
    const target = await reading(link.path, () => readlink(join(treePath, link.path)));
    if (target !== link.target) throw damaged(link.path, `points to ${target}`);
  }
  for (const { path, sizeBytes, isExecutable } of files) {
    const status = await reading(path, () => lstat(join(treePath, path)));
    if (!status.isFile()) throw damaged(path, 'is no file');
    if (status.size !== sizeBytes) throw damaged(path, `has ${status.size} bytes`);
    if (((status.mode & 0o111) !== 0) !== isExecutable) throw damaged(path, 'has another mode');
  }
  const first = Math.floor(startAt * files.length);
  let leftBytes = budgetBytes;
  for (const { path, sizeBytes, sha256 } of [...files.slice(first), ...files.slice(0, first)]) {
    leftBytes -= sizeBytes;
    if (leftBytes < 0) return;
    const found = await reading(path, () => digestFile(join(treePath, path)));
    if (found.sha256 !== sha256) throw damaged(path, 'has other bytes');
  }
}

async function reading<T>(path: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (cause) {
    if (!isFileError(cause)) throw cause;
    throw new BundleError(`${path} cannot be read`, { cause });
  }
}

function damaged(path: string, how: string): BundleError {
  return new BundleError(`${path} ${how}, other than as it was unpacked`);
}
