import type { EventLog, LogConsumer } from '@flotilla/event-log';
import { createLogger } from '@flotilla/service';
import { ByteBudget } from '../../src/consume/byte-budget.ts';
import type { LetterSpool } from '../../src/consume/dead-letters.ts';
import { IngestLoop } from '../../src/consume/ingest-loop.ts';
import type { RangeBatch } from '../../src/consume/range-batch.ts';
import { RangeReader } from '../../src/consume/range-reader.ts';
import { RangeStore, type Confirm } from '../../src/consume/range-store.ts';
import { createMetrics } from '../../src/metrics.ts';

/** What a loop stores into: takes batches of ranges, and may fail or stall. */
export interface Loader {
  store(batch: RangeBatch, confirm: Confirm): Promise<void>;
}

export const NO_LEDGER = {
  open: () => undefined,
  close: () => undefined,
  known: () => Promise.resolve(new Set<string>()),
};

export interface HarnessOptions {
  readonly consumer: LogConsumer;
  readonly loader: Loader;
  readonly log?: Pick<EventLog, 'append'>;
  readonly spool?: LetterSpool | null;
  readonly maxRows?: number;
  readonly maxBytes?: number;
  readonly budgetBytes?: number;
  readonly clock?: () => number;
}

/** An ingest loop with everything but the warehouse real. */
export function ingestHarness(options: HarnessOptions) {
  const { consumer, loader, spool = null, clock = () => Date.now() } = options;
  const log = options.log ?? { append: () => Promise.reject(new Error('no log')) };
  const { maxRows = 2, maxBytes = 1e6, budgetBytes = 1e8 } = options;
  const metrics = createMetrics();
  const logger = createLogger('test', 'silent');
  const reader = new RangeReader(consumer, NO_LEDGER, { maxRows, maxBytes, maxAgeMs: 0 });
  const budget = new ByteBudget(budgetBytes);
  const store = new RangeStore({ log, loader, spool, metrics, logger, clock });
  const random = () => 0;
  let ids = 0;
  const newId = () => `insert-${(ids += 1)}`;
  const parts = { consumer, reader, store, budget, metrics, logger, clock, random, newId };
  return { loop: new IngestLoop(parts), reader, budget, metrics };
}
