import { TOPIC_LOGS } from '@flotilla/contracts';
import type { ClickHouseClient } from '@clickhouse/client';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RowEncoder } from '../../src/decode/row-encoder.ts';
import type { InsertSink, RowInsert } from '../../src/load/insert-sink.ts';
import { TableLoader, type RowsOfRange } from '../../src/load/table-loader.ts';
import { readNativeBlock } from '../decode/native-block.ts';
import { logRecord, logsRequest } from '../decode/otlp-samples.ts';

const DAY_MS = 86_400_000;
const DAY_NANOS = BigInt(DAY_MS) * 1_000_000n;
const PARTITIONS = [0, 1, 2];

interface StoredRow {
  readonly source: string;
  readonly offset: bigint;
  readonly nanos: bigint;
}

/**
 * As the engine: an insert makes a part a day, each is taken once per token, and a kill may come after
 * the token of a part is written down and before the part is seen. What happens when is the scheduler's.
 */
class Engine implements InsertSink {
  readonly rows: StoredRow[] = [];
  readonly #tokens = new Set<string>();
  readonly #scheduler: fc.Scheduler;
  /** Of the next inserts: how many of its parts are seen before the engine is killed. */
  readonly #kills: (number | null)[];

  constructor(scheduler: fc.Scheduler, kills: readonly (number | null)[]) {
    this.#scheduler = scheduler;
    this.#kills = [...kills];
  }

  async insert({ parts, token }: RowInsert): Promise<void> {
    const { rows } = readNativeBlock(Buffer.concat(parts));
    const stored = rows.map((row) => ({
      source: row['IngestSource'] as string,
      offset: row['IngestOffset'] as bigint,
      nanos: row['Timestamp'] as bigint,
    }));
    await this.#scheduler.schedule(Promise.resolve(), `insert ${token}`);
    const kill = this.#kills.shift() ?? null;
    const days = [...Map.groupBy(stored, ({ nanos }) => nanos / DAY_NANOS)];
    for (const [index, [day, part]] of days.entries()) {
      const id = `${day} ${token}`;
      if (this.#tokens.has(id)) continue;
      this.#tokens.add(id);
      if (kill === index) throw new Error('killed');
      this.rows.push(...part);
    }
    await this.#scheduler.schedule(Promise.resolve(), 'answer');
  }

  /** The query of present rows, which is all the loader asks. */
  client(): ClickHouseClient {
    const query = async ({ clickhouse_settings: settings }: Question) => {
      await this.#scheduler.schedule(Promise.resolve(), 'query');
      const found = this.rows.filter(({ source }) => settings['param_source'] === source);
      const keys = new Set(found.map(({ offset, nanos }) => `${offset}:${nanos}`));
      return { json: () => Promise.resolve([...keys].map((RowKey) => ({ RowKey }))) };
    };
    return { query } as unknown as ClickHouseClient;
  }
}

interface Question {
  readonly clickhouse_settings: Readonly<Record<string, string>>;
}

/** Two records of partition `partition`, with a row on each of `days`. */
function range(partition: number, days: readonly number[]): RowsOfRange {
  const encoder = new RowEncoder(TOPIC_LOGS, partition);
  for (const offset of [0, 1]) {
    const lines = days.map((day) => logRecord('d1', (day + 1) * DAY_MS + offset));
    encoder.add(offset, logsRequest(lines));
  }
  const rows = encoder.rowsOf('otel_logs');
  return { source: encoder.source, range: { start: 0, end: 2 }, rows };
}

const days = fc.uniqueArray(fc.constantFrom(0, 1, 2), { minLength: 1, maxLength: 3 });
const kills = fc.array(fc.option(fc.nat(2), { freq: 3 }), { maxLength: 6 });
/** Members that repeat a range each, by its partition; some of them the same at a time. */
const heirs = fc.array(fc.constantFrom(...PARTITIONS), { maxLength: 3 });

describe('a shared insert whose ranges are repeated by their heirs', () => {
  it('leaves every row once, whenever it arrives, whoever is killed meanwhile', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.scheduler(),
        fc.tuple(days, days, days),
        kills,
        heirs,
        fc.boolean(),
        async (scheduler, daysOf, kill, more, arrives) => {
          const engine = new Engine(scheduler, kill);
          const loader = new TableLoader(engine, engine.client());
          const ranges = PARTITIONS.map((p, i) => range(p, daysOf[i] ?? []));
          const first = arrives ? loader.store(ranges, 'shared', false) : Promise.resolve();
          const repeats = [...PARTITIONS, ...more].map((p) => repeat(loader, ranges[p]!));
          await scheduler.waitFor(Promise.allSettled([first, ...repeats]));
          const found = engine.rows.map(
            ({ source, offset, nanos }) => `${source} ${offset} ${nanos}`,
          );
          const sent = PARTITIONS.flatMap((p, i) =>
            [0, 1].flatMap((offset) =>
              (daysOf[i] ?? []).map((day) => {
                const nanos = BigInt((day + 1) * DAY_MS + offset) * 1_000_000n;
                return `${TOPIC_LOGS}/${p} ${offset} ${nanos}`;
              }),
            ),
          );
          expect(found.sort()).toEqual(sent.sort());
        },
      ),
      { numRuns: 300 },
    );
  }, 60_000);
});

/** Until it succeeds, as the loop does. */
async function repeat(loader: TableLoader, rows: RowsOfRange): Promise<void> {
  for (;;) {
    const isDone = await loader.store([rows], 'shared', true).then(
      () => true,
      () => false,
    );
    if (isDone) return;
  }
}
