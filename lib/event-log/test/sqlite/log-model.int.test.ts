import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { LogFullError } from '../../src/index.ts';
import { resolveOptions } from '../../src/event-log-options.ts';
import { SqliteEventLog } from '../../src/sqlite/sqlite-event-log.ts';

const TOPIC = 't';
const PARTITION = { topic: TOPIC, partition: 0 };
const GROUPS = ['fast', 'slow'] as const;
const RETENTION_MS = 1000;
const ALL = { maxRecords: 10_000, maxBytes: 1e9 };

const step = fc.oneof(
  fc.record({
    do: fc.constant('append' as const),
    sizes: fc.array(fc.nat(3000), { maxLength: 8 }),
  }),
  fc.record({
    do: fc.constant('commit' as const),
    group: fc.constantFrom(...GROUPS),
    ahead: fc.nat(10),
  }),
  fc.record({ do: fc.constant('pass' as const), ms: fc.nat(1500) }),
  fc.record({ do: fc.constant('trim' as const) }),
  fc.record({ do: fc.constant('reopen' as const) }),
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

const filling = Array<Step>(6).fill({ do: 'append', sizes: Array<number>(8).fill(3000) });

/** What must be true of the log, kept beside it in plain values. */
class Run {
  readonly #file: string;
  readonly #sizes: number[] = [];
  readonly #positions = new Map<string, number>();
  #nowMs = 1_000_000;
  #log: SqliteEventLog | null = null;
  refused = 0;

  constructor(file: string) {
    this.#file = file;
  }

  async open(): Promise<SqliteEventLog> {
    const options = { maxBytes: 40_000, retainBytes: 20_000, retentionMs: RETENTION_MS };
    this.#log ??= await SqliteEventLog.open(
      this.#file,
      resolveOptions({ ...options, trimIntervalMs: 1e6, clock: () => this.#nowMs }),
    );
    return this.#log;
  }

  async close(): Promise<void> {
    await this.#log?.close();
    this.#log = null;
  }

  async apply(action: Step): Promise<void> {
    const log = await this.open();
    switch (action.do) {
      case 'append': {
        const first = this.#sizes.length;
        const records = action.sizes.map((size, i) => ({
          key: 'k',
          value: Buffer.alloc(size, first + i),
          headers: {},
        }));
        try {
          await log.append(TOPIC, records);
          this.#sizes.push(...action.sizes);
        } catch (error) {
          expect(error).toBeInstanceOf(LogFullError);
          this.refused += 1;
        }
        return;
      }
      case 'commit': {
        const before = this.#positions.get(action.group) ?? 0;
        const offset = Math.min(this.#sizes.length, before + action.ahead);
        const consumer = await log.consumer(action.group, [TOPIC]);
        await consumer.commit(PARTITION, { offset, metadata: `${offset}` });
        await consumer.close();
        this.#positions.set(action.group, offset);
        return;
      }
      case 'pass':
        this.#nowMs += action.ms;
        return;
      case 'trim':
        await log.trim();
        return;
      case 'reopen':
        return this.close();
    }
  }

  async check(): Promise<void> {
    const log = await this.open();
    const consumer = await log.consumer('slow', [TOPIC]);
    const records = await consumer.read(PARTITION, 0, ALL);
    const end = this.#sizes.length;
    expect(await consumer.endOffset(PARTITION)).toBe(end);
    const first = records[0]?.offset ?? end;
    expect(records.map(({ offset }) => offset)).toEqual(
      Array.from({ length: end - first }, (_, i) => first + i),
    );
    const floor = Math.min(...GROUPS.map((group) => this.#positions.get(group) ?? 0));
    expect(first).toBeLessThanOrEqual(floor);
    for (const { offset, value } of records) {
      expect(Buffer.from(value)).toEqual(Buffer.alloc(this.#sizes[offset]!, offset));
    }
    const stats = await log.stats();
    expect(stats.records).toBe(records.length);
    expect(stats.sizeBytes).toBeGreaterThanOrEqual(
      records.reduce((sum, { value }) => sum + value.byteLength, 0),
    );
    expect(stats.sizeBytes).toBeLessThanOrEqual(stats.maxBytes);
    await consumer.close();
  }
}

it('keeps its promises over any sequence of appends, commits, trims and restarts', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'flotilla-log-'));
  let runs = 0;
  let refused = 0;
  try {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
        const run = new Run(join(folder, `${(runs += 1)}.db`));
        try {
          const log = await run.open();
          for (const group of GROUPS) await (await log.consumer(group, [TOPIC])).close();
          for (const action of steps) {
            await run.apply(action);
            await run.check();
          }
          refused += run.refused;
        } finally {
          await run.close();
        }
      }),
      // The example fills the log, so that the bound is reached whatever is drawn.
      {
        numRuns: 40,
        examples: [[filling]],
      },
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  expect(refused).toBeGreaterThan(0);
});
