import type { EventLog } from '@flotilla/event-log';
import type { Logger } from '@flotilla/service';
import type { RangeLoader } from '../load/range-loader.ts';
import type { PipelineMetrics } from '../metrics.ts';
import { bury, type LetterSpool } from './dead-letters.ts';
import type { EncodedRange } from './encoded-range.ts';

/** Resolves while this member still owns the partition; rejects with PartitionLostError when not. */
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

/** Puts all of a range where it belongs: rows and names into the warehouse, dead letters aside. */
export class RangeStore {
  readonly #parts: RangeStoreParts;

  constructor(parts: RangeStoreParts) {
    this.#parts = parts;
  }

  /** `isRepeat`: an earlier attempt at this very range may have stored some of it. */
  async store(encoded: EncodedRange, isRepeat: boolean, confirm: Confirm): Promise<void> {
    const { loader, log, spool, metrics, clock } = this.#parts;
    const { topic } = encoded.partition;
    await loader.store(encoded, isRepeat, confirm);
    await bury(encoded.undecodable, log, spool, clock());
    this.#tellDead(encoded);
    metrics.batches.inc({ topic });
    metrics.duplicates.inc({ topic }, encoded.duplicates);
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
