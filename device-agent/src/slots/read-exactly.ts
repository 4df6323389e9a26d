import type { Logger } from '@flotilla/service';
import { isFileError } from '../disk/durable-file.ts';
import { readRange } from '../disk/read-range.ts';
import { SlotResumeError } from './slot-backend.ts';

/** As readRange, but throws SlotResumeError when the file is missing or ends early. */
export async function* readExactly(
  path: string,
  firstByte: number,
  lengthBytes: number,
  logger: Pick<Logger, 'debug'>,
): AsyncGenerator<Buffer> {
  let left = lengthBytes;
  try {
    for await (const chunk of readRange(path, firstByte, lengthBytes, logger)) {
      left -= chunk.length;
      yield chunk;
    }
  } catch (cause) {
    if (!isFileError(cause, 'ENOENT')) throw cause;
    throw new SlotResumeError(`${path} does not exist`, { cause });
  }
  if (left > 0) throw new SlotResumeError(`${path} ends ${left} bytes early`);
}
