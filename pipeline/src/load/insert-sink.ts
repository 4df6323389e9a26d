import { randomUUID } from 'node:crypto';
import { mkdir, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { finished } from 'node:stream/promises';
import type { ClickHouseClient, ClickHouseSettings } from '@clickhouse/client';
import type { ColumnType } from '../decode/tables.ts';

/** Rows for one table, as a block in ClickHouse's Native format. */
export interface RowInsert {
  readonly table: string;
  readonly columns: readonly ColumnType[];
  /** The block's bytes, one after the other. */
  readonly parts: readonly Buffer[];
  /** The engine takes one insert per token; a repeat does nothing. */
  readonly token: string;
}

/** Where encoded rows go. Resolves once they are stored; `parts` must stay as they are until then. */
export interface InsertSink {
  insert(insert: RowInsert): Promise<void>;
}

/**
 * Inserts that must not be split, delayed, or refused for touching many days. One block per insert:
 * a token then covers it whole, and each day gets one part.
 */
const SETTINGS: ClickHouseSettings = {
  async_insert: 0,
  insert_deduplicate: 1,
  max_partitions_per_insert_block: '0',
  input_format_parallel_parsing: 0,
  max_insert_block_size: '10000000',
  min_insert_block_size_rows: '10000000',
  min_insert_block_size_bytes: '1000000000',
};

const CHUNK_BYTES = 64 * 1024;

/** Sends rows as the body of an HTTP request, to a ClickHouse server. */
export class HttpSink implements InsertSink {
  readonly #client: ClickHouseClient;

  constructor(client: ClickHouseClient) {
    this.#client = client;
  }

  async insert({ table, columns, parts, token }: RowInsert): Promise<void> {
    const answer = await this.#client.exec({
      query: `${target(table, columns)} FORMAT Native`,
      values: Readable.from(chunksOf(parts), { objectMode: false }),
      clickhouse_settings: { ...SETTINGS, insert_deduplication_token: token },
    });
    // Read to its end, which frees the connection; an insert answers nothing.
    answer.stream.resume();
    await finished(answer.stream);
  }
}

/** The parts in order, small ones joined: a chunk of a request costs as much as some kilobytes in it. */
function* chunksOf(parts: readonly Buffer[]): Generator<Buffer> {
  let small: Buffer[] = [];
  let smallBytes = 0;
  for (const part of parts) {
    if (part.length < CHUNK_BYTES) {
      small.push(part);
      smallBytes += part.length;
      if (smallBytes < CHUNK_BYTES) continue;
    }
    if (small.length > 0) yield Buffer.concat(small);
    [small, smallBytes] = [[], 0];
    if (part.length >= CHUNK_BYTES) yield part;
  }
  if (small.length > 0) yield Buffer.concat(small);
}

/**
 * Hands rows to the embedded engine in a file, since a statement with its rows inside has to be text.
 * Files live for the time of one insert; what a kill left behind is removed by `open`.
 */
export class FileSink implements InsertSink {
  readonly #client: ClickHouseClient;
  readonly #folder: string;

  private constructor(client: ClickHouseClient, folder: string) {
    this.#client = client;
    this.#folder = folder;
  }

  /** `folder` belongs to this sink alone; its path must be free of quotes and backslashes. */
  static async open(client: ClickHouseClient, folder: string): Promise<FileSink> {
    if (/['\\]/.test(folder)) throw new RangeError('the warehouse folder must be without quotes');
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder, { recursive: true, mode: 0o700 });
    return new FileSink(client, folder);
  }

  async insert({ table, columns, parts, token }: RowInsert): Promise<void> {
    const file = join(this.#folder, `${randomUUID()}.rows`);
    try {
      await writeParts(file, parts);
      await this.#client.command({
        query: `${target(table, columns)} FROM INFILE '${file}' FORMAT Native`,
        clickhouse_settings: { ...SETTINGS, insert_deduplication_token: token },
      });
    } finally {
      await rm(file, { force: true });
    }
  }
}

/** All parts at once: there are some hundred, most of them small. */
async function writeParts(file: string, parts: readonly Buffer[]): Promise<void> {
  const handle = await open(file, 'wx', 0o600);
  try {
    const { bytesWritten } = await handle.writev(parts);
    const sizeBytes = parts.reduce((sum, part) => sum + part.length, 0);
    // As on a full disk: the next write would say why.
    if (bytesWritten < sizeBytes) throw new Error(`${bytesWritten} of ${sizeBytes} bytes written`);
  } finally {
    await handle.close();
  }
}

/** Names come from the tables of this program, never from outside. */
function target(table: string, columns: readonly ColumnType[]): string {
  return `INSERT INTO ${table} (${columns.map(([name]) => `\`${name}\``).join(', ')})`;
}
