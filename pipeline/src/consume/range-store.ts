import type { EventLog } from '@flotilla/event-log';
import type { Logger } from '@flotilla/service';
import type { RangeLoader } from '../load/range-loader.ts';
import type { PipelineMetrics } from '../metrics.ts';
import { bury, type LetterSpool } from './dead-letters.ts';
import type { EncodedRange } from './encoded-range.ts';
import type { RangeBatch } from './range-batch.ts';

/** Resolves while this member still owns the partitions; rejects with PartitionLostError when not. */
export type Confirm = () => Promise<void>;

export interface RangeStoreParts {
  readonly log: Pick<EventLog, 'append'>;
  readonly loader: Pick<RangeLoader, 'store'>;
  /** Takes dead letters that the log does not; null where there is none. */
  readonly spool: LetterSpool | null;
  readonly metrics: PipelineMetrics;
  readonly logger: Logger;
  readonly clock: () => number;
}

/** Puts all of a batch where it belongs: rows and names into the warehouse, dead letters aside. */
export class RangeStore {
  readonly #parts: RangeStoreParts;

  constructor(parts: RangeStoreParts) {
    this.#parts = parts;
  }

  async store(batch: RangeBatch, confirm: Confirm): Promise<void> {
    const { loader, log, spool, metrics, clock } = this.#parts;
    await loader.store(batch, confirm);
    for (const range of batch.ranges) {
      await bury(range.undecodable, log, spool, clock());
      this.#tellDead(range);
      metrics.batches.inc({ topic: range.partition.topic });
      metrics.duplicates.inc({ topic: range.partition.topic }, range.duplicates);
    }
  }

  #tellDead({ undecodable }: EncodedRange): void {
    for (const { record, error } of undecodable) {
      const { topic, partition, offset } = record;
      const { code, message: reason } = error;
      this.#parts.metrics.deadLetters.inc({ topic, code });
      this.#parts.logger.warn({ topic, partition, offset, code, reason }, 'dead letter');
    }
  }
}
