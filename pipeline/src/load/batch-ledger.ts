import type { TopicPartition } from '@flotilla/event-log';
import type { Logger } from '@flotilla/service';
import { Block } from '../decode/block.ts';
import type { FixedColumn } from '../decode/columns/fixed-column.ts';
import type { ColumnType } from '../decode/tables.ts';
import type { OffsetRange } from '../consume/pending-range.ts';
import type { PipelineMetrics } from '../metrics.ts';
import { FilterMemory } from './batch-ledger-filter.ts';
import { PartitionNames } from './batch-ledger-partition.ts';
import type { StoredNames } from './batch-ledger-store.ts';
import { batchKey, type BatchName } from './batch-name.ts';
import type { InsertSink } from './insert-sink.ts';

export interface IngestedBatch extends BatchName {
  readonly offset: number;
  readonly rowCount: number;
  readonly receivedAtMs: number;
}

/** What is written down of a range. */
export interface LedgerRange {
  readonly partition: TopicPartition;
  readonly range: OffsetRange;
  readonly batches: readonly IngestedBatch[];
}

const COLUMNS: readonly ColumnType[] = [
  ['Topic', 'LowCardinality(String)'],
  ['Partition', 'UInt32'],
  ['Offset', 'UInt64'],
  ['DeviceId', 'String'],
  ['BatchId', 'String'],
  ['RowCount', 'UInt32'],
  ['ReceivedAt', 'DateTime64(3)'],
];
const TWO_32 = 0x1_0000_0000;

export interface LedgerParts {
  readonly names: StoredNames;
  readonly sink: InsertSink;
  /** For all filters together; without it every name is looked up. */
  readonly filterBytes: number;
  readonly metrics: Pick<PipelineMetrics, 'nameLookUps'>;
  readonly logger: Logger;
  readonly newId: () => string;
}

/**
 * Which batches are stored; kept in the warehouse beside their rows. A retry comes up to days after the
 * first try, but nearly every name is new: a filter per partition knows that without a query. It only
 * ever answers "surely new"; the warehouse decides the rest.
 */
export class BatchLedger {
  readonly #parts: LedgerParts;
  readonly #memory: FilterMemory;
  readonly #partitions = new Map<string, PartitionNames>();

  constructor(parts: LedgerParts) {
    this.#parts = parts;
    this.#memory = new FilterMemory(parts.filterBytes);
  }

  /**
   * Called once the partition is ours: from then on no other member writes down names of it, but those
   * of the range its committed position tells of, which are added as that range is repeated.
   */
  open(partition: TopicPartition): void {
    this.close(partition);
    const { names, logger } = this.#parts;
    this.#partitions.set(
      placeOf(partition),
      new PartitionNames(partition, names, this.#memory, logger),
    );
  }

  close(partition: TopicPartition): void {
    this.#partitions.get(placeOf(partition))?.close();
    this.#partitions.delete(placeOf(partition));
  }

  /** Resolves when `partition` needs no look-ups for new names, or never will do without. */
  async loaded(partition: TopicPartition): Promise<void> {
    await this.#partitions.get(placeOf(partition))?.loaded;
  }

  /** Names among `batches` that were stored from an offset below `beforeOffset`. */
  async known(
    partition: TopicPartition,
    batches: readonly BatchName[],
    beforeOffset: number,
  ): Promise<ReadonlySet<string>> {
    const names = this.#partitions.get(placeOf(partition));
    const doubtful = batches.filter((batch) => names?.isSurelyNew(batchKey(batch)) !== true);
    if (doubtful.length === 0) return new Set();
    this.#parts.metrics.nameLookUps.inc({ topic: partition.topic }, doubtful.length);
    const found = await this.#parts.names.lookUp(partition, doubtful, beforeOffset);
    return new Set(found.map(batchKey));
  }

  /**
   * Writes the batches of some ranges down; `insert` names what the ranges share, if they do. Writing a
   * batch down twice is harmless, so a repeat gets a token of its own.
   */
  async record(
    ranges: readonly LedgerRange[],
    insert: string | null,
    isRepeat: boolean,
  ): Promise<void> {
    const [first] = ranges;
    if (first === undefined || ranges.every(({ batches }) => batches.length === 0)) return;
    // Before the insert: once it is begun, the names may be in the warehouse.
    for (const { partition, batches } of ranges) {
      const names = this.#partitions.get(placeOf(partition));
      for (const batch of batches) names?.add(batchKey(batch));
    }
    const { start, end } = first.range;
    const place = `${insert ?? `${placeOf(first.partition)}/${start}-${end}`}/ledger`;
    await this.#parts.sink.insert({
      table: 'flotilla_ingested_batches',
      columns: COLUMNS,
      parts: encode(ranges),
      token: isRepeat ? `${place}/${this.#parts.newId()}` : place,
    });
  }
}

function encode(ranges: readonly LedgerRange[]): Buffer[] {
  const block = new Block(COLUMNS);
  const topics = block.word('Topic');
  const partitions = block.fixed('Partition');
  const offsets = block.fixed('Offset');
  const devices = block.text('DeviceId');
  const batchIds = block.text('BatchId');
  const rowCounts = block.fixed('RowCount');
  const receivedAt = block.fixed('ReceivedAt');
  for (const { partition: at, batches } of ranges) {
    const topicBytes = Buffer.from(at.topic);
    for (const batch of batches) {
      topics.bytesText(topicBytes, 0, topicBytes.length);
      partitions.uint32(at.partition);
      writeUint64(offsets, batch.offset);
      devices.text(batch.deviceId);
      batchIds.text(batch.batchId);
      rowCounts.uint32(batch.rowCount);
      writeUint64(receivedAt, batch.receivedAtMs);
    }
  }
  return block.parts(rowCounts.rowCount);
}

function writeUint64(column: FixedColumn, value: number): void {
  column.uint64(value % TWO_32, Math.floor(value / TWO_32));
}

function placeOf({ topic, partition }: TopicPartition): string {
  return `${topic}/${partition}`;
}
