import { TOPIC_LOGS } from '@flotilla/contracts';
import type { TopicPartition } from '@flotilla/event-log';
import { createLogger } from '@flotilla/service';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BatchLedger } from '../../src/load/batch-ledger.ts';
import type { StoredNames } from '../../src/load/batch-ledger-store.ts';
import { batchKey, type BatchName } from '../../src/load/batch-name.ts';
import { createMetrics } from '../../src/metrics.ts';

const at = (partition: number): TopicPartition => ({ topic: TOPIC_LOGS, partition });
const nameOf = (n: number): BatchName => ({ deviceId: `d${n % 3}`, batchId: `b${n}` });

interface Row extends BatchName {
  readonly partition: number;
  readonly offset: number;
}

/** The ledger's table, as every process sees it; `lookedUp` counts what was asked of it. */
class FakeTable implements StoredNames {
  readonly rows: Row[] = [];
  lookedUp = 0;
  failures = 0;

  async lookUp(place: TopicPartition, names: readonly BatchName[], before: number) {
    this.lookedUp += names.length;
    const asked = new Set(names.map(batchKey));
    return this.#of(place).filter((row) => row.offset < before && asked.has(batchKey(row)));
  }

  async *pages(place: TopicPartition) {
    await Promise.resolve();
    if (this.failures > 0) {
      this.failures -= 1;
      throw new Error('no warehouse');
    }
    const rows = this.#of(place);
    for (let from = 0; from < rows.length; from += 2) {
      yield rows.slice(from, from + 2);
      await Promise.resolve();
    }
  }

  #of({ partition }: TopicPartition): Row[] {
    return this.rows.filter((row) => row.partition === partition);
  }
}

/** A process with a ledger of its own on the common table. */
function ledgerOn(table: FakeTable, filterBytes = 1e6): BatchLedger {
  return new BatchLedger({
    names: table,
    sink: { insert: () => Promise.resolve() },
    filterBytes,
    metrics: createMetrics(),
    logger: createLogger('test', 'silent'),
    newId: () => 'id',
  });
}

/** Stores names from `offset` on, as the loop does: the insert makes the rows visible. */
async function store(
  ledger: BatchLedger,
  table: FakeTable,
  partition: number,
  offset: number,
  names: readonly number[],
): Promise<void> {
  const batches = names.map((n, i) => ({
    ...nameOf(n),
    offset: offset + i,
    rowCount: 1,
    receivedAtMs: 0,
  }));
  const range = { start: offset, end: offset + names.length };
  await ledger.record([{ partition: at(partition), range, batches }], null, false);
  for (const { deviceId, batchId, offset: place } of batches) {
    table.rows.push({ partition, deviceId, batchId, offset: place });
  }
}

describe('BatchLedger', () => {
  it('asks for no name that is new, and for every one that is not', async () => {
    const table = new FakeTable();
    const ledger = ledgerOn(table);
    ledger.open(at(0));
    await ledger.loaded(at(0));
    await store(ledger, table, 0, 0, [1, 2, 3]);
    const fresh = [4, 5, 6].map(nameOf);
    expect(await ledger.known(at(0), fresh, 3)).toEqual(new Set());
    expect(table.lookedUp).toBe(0);
    const known = await ledger.known(at(0), [nameOf(2), ...fresh], 3);
    expect(known).toEqual(new Set([batchKey(nameOf(2))]));
    expect(table.lookedUp).toBe(1);
  });

  it('looks names up until those of the warehouse are read, however often that fails', async () => {
    const table = new FakeTable();
    await store(ledgerOn(table), table, 0, 0, [1]);
    table.failures = 1;
    const ledger = ledgerOn(table);
    expect(await ledger.known(at(0), [nameOf(1)], 9)).toEqual(new Set([batchKey(nameOf(1))]));
    ledger.open(at(0));
    expect(await ledger.known(at(0), [nameOf(1)], 9)).toEqual(new Set([batchKey(nameOf(1))]));
    await ledger.known(at(0), [nameOf(7)], 9);
    expect(table.lookedUp).toBe(3);
    ledger.close(at(0));
  });

  it('looks every name up when it may use no memory', async () => {
    const table = new FakeTable();
    const ledger = ledgerOn(table, 0);
    ledger.open(at(0));
    await ledger.loaded(at(0));
    await store(ledger, table, 0, 0, [1]);
    expect(await ledger.known(at(0), [nameOf(1), nameOf(2)], 9)).toHaveProperty('size', 1);
    expect(table.lookedUp).toBe(2);
  });

  /**
   * Two processes pass two partitions to and fro, store, repeat what the other left pending, and ask.
   * Whatever the order, the answer is that of the table: no name is taken for new that is stored.
   */
  it('answers as the table does over any rebalance, replay and order', async () => {
    const step = fc.record({
      kind: fc.constantFrom('move', 'store', 'crash', 'ask'),
      partition: fc.nat(1),
      names: fc.uniqueArray(fc.nat(30), { minLength: 1, maxLength: 4 }),
      isLoaded: fc.boolean(),
      back: fc.nat(4),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const table = new FakeTable();
        const ledgers = [ledgerOn(table), ledgerOn(table)] as const;
        const owners = [0, 0];
        const ends = [0, 0];
        /** Begun by the owner, and perhaps not in the table: the next owner repeats it. */
        const pending: (readonly number[] | null)[] = [null, null];
        ledgers[0].open(at(0));
        ledgers[0].open(at(1));
        for (const { kind, partition, names, isLoaded, back } of steps) {
          const owner = ledgers[owners[partition] ?? 0]!;
          const end = ends[partition] ?? 0;
          if (kind === 'crash') pending[partition] ??= names;
          if (kind === 'move' || kind === 'crash') {
            owner.close(at(partition));
            owners[partition] = 1 - (owners[partition] ?? 0);
            const heir = ledgers[owners[partition] ?? 0]!;
            heir.open(at(partition));
            if (isLoaded) await heir.loaded(at(partition));
            const left = pending[partition] ?? [];
            if (left.length > 0) {
              await store(heir, table, partition, end, left);
              ends[partition] = end + left.length;
            }
            pending[partition] = null;
          } else if (kind === 'store') {
            await store(owner, table, partition, end, names);
            ends[partition] = end + names.length;
          } else {
            const asked = names.map(nameOf);
            const before = Math.max(0, end - back);
            const truth = await table.lookUp(at(partition), asked, before);
            expect(await owner.known(at(partition), asked, before)).toEqual(
              new Set(truth.map(batchKey)),
            );
          }
        }
      }),
    );
  });
});
