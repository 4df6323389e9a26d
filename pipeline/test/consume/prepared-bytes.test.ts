import { HEADER_BATCH_ID, TOPIC_LOGS } from '@flotilla/contracts';
import { MemoryEventLog } from '@flotilla/event-log/testing';
import { expect, it, vi } from 'vitest';
import type { RangeBatch } from '../../src/consume/range-batch.ts';
import { logRecord, logsRequest } from '../decode/otlp-samples.ts';
import { ingestHarness } from './ingest-harness.ts';

const PARTITIONS = 24;
const RECORD_BYTES = 20_000;
const MAX_BYTES = 100_000;
const BUDGET_BYTES = 450_000;

it('holds no more prepared than its budget while the warehouse stalls, over all partitions', async () => {
  const log = new MemoryEventLog({ partitions: PARTITIONS });
  const consumer = await log.consumer('pipeline', [TOPIC_LOGS]);
  const value = logsRequest([logRecord('d1', 1_000, { body: 'x'.repeat(RECORD_BYTES) })]);
  const total = PARTITIONS * 20;
  for (let i = 0; i < total; i += 1) {
    await log.append(TOPIC_LOGS, [
      { key: `d${i}`, value, headers: { [HEADER_BATCH_ID]: `b${i}` } },
    ]);
  }
  const { promise, resolve } = Promise.withResolvers<void>();
  const stored: string[] = [];
  let prepared = 0;
  let mostPrepared = 0;
  const loader = {
    async store({ ranges }: RangeBatch): Promise<void> {
      await promise;
      for (const { partition, batches, sizeBytes } of ranges) {
        prepared -= sizeBytes;
        stored.push(...batches.map(({ offset }) => `${partition.partition}/${offset}`));
      }
    },
  };
  const limits = { maxRows: 1_000, maxBytes: MAX_BYTES, budgetBytes: BUDGET_BYTES };
  const { loop, reader, budget } = ingestHarness({ consumer, loader, log, ...limits });
  const next = reader.next.bind(reader);
  const encodes = vi.spyOn(reader, 'next').mockImplementation(async (...args) => {
    const encoded = await next(...args);
    prepared += encoded?.sizeBytes ?? 0;
    mostPrepared = Math.max(mostPrepared, prepared);
    return encoded;
  });
  const rounds = vi.spyOn(consumer, 'assignment');
  const abort = new AbortController();
  const running = loop.run(abort.signal);

  // Until it stands still: every partition had its turn, and nothing was encoded.
  const patience = { timeout: 20_000 };
  await vi.waitFor(async () => {
    const [encoded, turns] = [encodes.mock.calls.length, rounds.mock.calls.length];
    await vi.waitFor(
      () => expect(rounds.mock.calls.length).toBeGreaterThan(turns + PARTITIONS),
      patience,
    );
    expect(encodes).toHaveBeenCalledTimes(encoded);
  }, patience);
  expect(prepared).toBe(budget.usedBytes);

  resolve();
  await vi.waitFor(() => expect(stored).toHaveLength(total), patience);
  abort.abort();
  await running;
  expect(new Set(stored).size).toBe(total);
  // A range ends with the record that reaches its limit, so each may pass it by one record.
  expect(mostPrepared).toBeLessThan(BUDGET_BYTES + 2 * RECORD_BYTES);
  expect(mostPrepared).toBeGreaterThan(BUDGET_BYTES / 2);
  expect(budget.usedBytes).toBe(0);
}, 60_000);
