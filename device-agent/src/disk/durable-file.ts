import { open, readFile, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { syncFolder, type Logger } from '@flotilla/service';
import type { z } from 'zod';

/** Replaces a file so that after a power cut it holds either the old or the new content, never a mix. */
export async function writeFileDurably(path: string, content: string | Uint8Array): Promise<void> {
  const temporary = `${path}.tmp`;
  const file = await open(temporary, 'w');
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
  await syncFolder(dirname(path));
}

/** The parsed content, null when there is no file; throws CorruptFileError when it breaks the schema. */
export async function readJsonFile<T extends z.ZodType>(
  path: string,
  schema: T,
): Promise<z.output<T> | null> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (isFileError(error, 'ENOENT')) return null;
    throw error;
  }
  try {
    return schema.parse(JSON.parse(text));
  } catch (cause) {
    throw new CorruptFileError(path, { cause });
  }
}

/**
 * As readJsonFile, but an unreadable file is renamed to `<path>.corrupt` and counts as missing: what is
 * lost must not keep the device from starting.
 */
export async function readOrSetAside<T extends z.ZodType>(
  path: string,
  schema: T,
  logger: Logger,
): Promise<z.output<T> | null> {
  try {
    return await readJsonFile(path, schema);
  } catch (error) {
    if (!(error instanceof CorruptFileError)) throw error;
    logger.error({ err: error, path }, 'unreadable file set aside');
    await rename(path, `${path}.corrupt`);
    return null;
  }
}

export function isFileError(error: unknown, ...codes: readonly string[]): boolean {
  return (
    error instanceof Error &&
    'code' in error &&
    typeof error.code === 'string' &&
    (codes.length === 0 || codes.includes(error.code))
  );
}

/** Passes when somebody makes room; the disk itself is well. */
export function isDiskFull(error: unknown): boolean {
  return isFileError(error, 'ENOSPC', 'EDQUOT');
}

/**
 * The medium fails, or its file system gave up on it and is read-only now (ext4's `errors=remount-ro`).
 * EUCLEAN is what ext4 and f2fs say of a structure that is damaged.
 */
export function isDiskFault(error: unknown): boolean {
  return isFileError(error, 'EIO', 'EROFS', 'EUCLEAN', 'EBADMSG', 'ENODEV', 'ENXIO');
}

export class CorruptFileError extends Error {
  override readonly name = 'CorruptFileError';
  readonly path: string;
  constructor(path: string, options?: ErrorOptions) {
    super(`${path} does not hold what this agent writes there`, options);
    this.path = path;
  }
}
