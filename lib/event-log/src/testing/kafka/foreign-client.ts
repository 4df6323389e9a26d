import { ConnectionPool, offsetCommitV9, type Connection } from '@platformatic/kafka';
import { produce } from '../../kafka/produce-request.ts';
import { encodeRecord, encodeRecordBatch } from '../../kafka/record-batch.ts';
import type { TopicPartition } from '../../event-log.ts';

export const COMPRESSIONS = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const;

const TIMEOUT_MS = 10_000;
const NOBODY = { producerId: -1n, producerEpoch: -1, firstSequence: -1 };
/** Of a member that is in no group: tools that set offsets commit like this. */
const NO_GENERATION = -1;

/** Another client of the same broker, which leaves what ours would not. */
export class ForeignClient {
  readonly #pool = new ConnectionPool('others');
  readonly #bootstrap: string;

  constructor(bootstrap: string) {
    this.#bootstrap = bootstrap;
  }

  /** A batch of one record; the broker takes it whatever it inflates to. */
  async produce(
    { topic, partition }: TopicPartition,
    value: Buffer,
    compression: (typeof COMPRESSIONS)[number],
  ): Promise<void> {
    const record = encodeRecord(Buffer.from('k'), { key: 'k', value, headers: {} }, Date.now());
    const bytes = encodeRecordBatch([record], NOBODY, compression);
    await produce.async(await this.#connection(), TIMEOUT_MS, [{ topic, partition, bytes }]);
  }

  /** Sets where a group goes on, while it has no members. */
  async commit(group: string, { topic, partition }: TopicPartition, offset: number): Promise<void> {
    const position = {
      partitionIndex: partition,
      committedOffset: BigInt(offset),
      committedLeaderEpoch: -1,
      committedMetadata: '',
    };
    await offsetCommitV9.api.async(await this.#connection(), group, NO_GENERATION, '', null, [
      { name: topic, partitions: [position] },
    ]);
  }

  async close(): Promise<void> {
    await this.#pool.close();
  }

  #connection(): Promise<Connection> {
    const [host = '', port = ''] = this.#bootstrap.split(':');
    return this.#pool.get({ host, port: Number(port) });
  }
}
