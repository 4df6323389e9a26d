import { mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { TOPIC_DEAD_LETTERS } from '@flotilla/contracts';
import type { LogRecord, StoredRecord } from '@flotilla/event-log';
import { syncFolder } from '@flotilla/service';
import { z } from 'zod';

const MAX_BYTES = 1024 ** 3;
const SUFFIX = '.letter';
const LINE_FEED = 0x0a;

const headSchema = z.object({
  key: z.string(),
  headers: z.record(z.string(), z.string()),
  spooledAtMs: z.number(),
});

/** The spool holds as much as it may; once letters are replayed or removed it takes more. */
export class SpoolFullError extends Error {
  override readonly name = 'SpoolFullError';
}

export interface SpooledLetter {
  readonly name: string;
  readonly record: StoredRecord;
}

/**
 * Dead letters that the log did not take, a file each: a line of JSON (key, headers, time), then the
 * original bytes. Beside the log rather than in the warehouse, so that the command reaches them while
 * the pipeline holds its warehouse.
 */
export class LetterSpool {
  readonly folder: string;
  readonly #maxBytes: number;

  constructor(folder: string, maxBytes = MAX_BYTES) {
    this.folder = folder;
    this.#maxBytes = maxBytes;
  }

  /** Durable when it resolves; a letter of the same name is replaced. Rejects with SpoolFullError. */
  async put(name: string, letter: LogRecord, nowMs: number): Promise<void> {
    await mkdir(this.folder, { recursive: true, mode: 0o700 });
    const heldBytes = await this.#sizeBytes();
    if (heldBytes + letter.value.length > this.#maxBytes) {
      throw new SpoolFullError(`${this.folder} holds ${heldBytes} bytes of dead letters already`);
    }
    const { key, headers } = letter;
    const head = JSON.stringify({ key, headers, spooledAtMs: nowMs });
    const file = this.#file(name);
    await writeDurably(`${file}.part`, Buffer.concat([Buffer.from(`${head}\n`), letter.value]));
    await rename(`${file}.part`, file);
    await syncFolder(this.folder);
  }

  /** In order of their names: topic, partition, offset. */
  async *letters(): AsyncGenerator<SpooledLetter> {
    for (const file of await this.#files()) {
      const name = file.slice(0, -SUFFIX.length);
      yield { name, record: parseLetter(await readFile(join(this.folder, file))) };
    }
  }

  async remove(name: string): Promise<void> {
    await rm(this.#file(name), { force: true });
  }

  #file(name: string): string {
    if (!/^[\w.-]+$/.test(name)) throw new RangeError(`not a letter's name: ${name}`);
    return join(this.folder, `${name}${SUFFIX}`);
  }

  async #files(): Promise<string[]> {
    try {
      const files = await readdir(this.folder);
      return files.filter((file) => file.endsWith(SUFFIX)).sort();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw error;
    }
  }

  async #sizeBytes(): Promise<number> {
    let sum = 0;
    for (const file of await this.#files()) sum += (await stat(join(this.folder, file))).size;
    return sum;
  }
}

/** `configured`, or beside an embedded log; null for Kafka, where no folder is shared. */
export function spoolBeside(eventLogUrl: string, configured?: string): LetterSpool | null {
  if (configured !== undefined) return new LetterSpool(configured);
  if (!eventLogUrl.startsWith('sqlite:')) return null;
  return new LetterSpool(join(dirname(eventLogUrl.slice('sqlite:'.length)), 'dead-letters'));
}

function parseLetter(bytes: Buffer): StoredRecord {
  const end = bytes.indexOf(LINE_FEED);
  const head = headSchema.parse(JSON.parse(bytes.subarray(0, end).toString('utf8')));
  return {
    key: head.key,
    headers: head.headers,
    value: new Uint8Array(bytes.subarray(end + 1)),
    topic: TOPIC_DEAD_LETTERS,
    // In no partition: the spool's name of a letter stands for its place.
    partition: -1,
    offset: -1,
    appendedAtMs: head.spooledAtMs,
  };
}

async function writeDurably(file: string, bytes: Buffer): Promise<void> {
  const handle = await open(file, 'w', 0o600);
  try {
    await handle.writeFile(bytes);
    await handle.sync();
  } finally {
    await handle.close();
  }
}
