import { createHash } from 'node:crypto';
import type { Logger } from '@flotilla/service';
import { readRange } from './read-range.ts';

export interface FileDigest {
  readonly sha256: string;
  readonly sizeBytes: number;
}

/** SHA-256 and length of what the medium holds, as `readRange` reads it. */
export async function digestFile(
  path: string,
  logger?: Pick<Logger, 'debug'>,
): Promise<FileDigest> {
  const hash = createHash('sha256');
  let sizeBytes = 0;
  for await (const chunk of readRange(path, 0, Infinity, logger)) {
    hash.update(chunk);
    sizeBytes += chunk.length;
  }
  return { sha256: hash.digest('hex'), sizeBytes };
}
