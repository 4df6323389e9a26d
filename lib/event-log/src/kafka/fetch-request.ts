import { createAPI, fetchV17, type Reader } from '@platformatic/kafka';

const FETCH = 1;
const VERSION = 17;

export interface AbortedTransaction {
  readonly producerId: bigint;
  readonly firstOffset: bigint;
}

export interface FetchedPartition {
  readonly topicId: string;
  readonly partition: number;
  readonly errorCode: number;
  /** Up to here every transaction has ended. */
  readonly lastStableOffset: number;
  readonly aborted: readonly AbortedTransaction[];
  /** Record batches as they are stored; the last may be cut off. */
  readonly batches: Buffer;
}

export interface FetchAnswer {
  readonly errorCode: number;
  readonly partitions: readonly FetchedPartition[];
}

/**
 * Fetch, version 17, its batches left as they are: the client's own reader believes every length in
 * them and fails for all partitions where one batch cannot be read.
 */
export const fetchBatches = createAPI<Parameters<typeof fetchV17.createRequest>, FetchAnswer>(
  FETCH,
  VERSION,
  fetchV17.createRequest,
  (_correlationId, _apiKey, _apiVersion, reader) => readAnswer(reader),
);

function readAnswer(reader: Reader): FetchAnswer {
  reader.readInt32(); // throttle time
  const errorCode = reader.readInt16();
  reader.readInt32(); // session
  const topics = reader.readArray((topic) => {
    const topicId = topic.readUUID();
    return topic.readArray((partition) => readPartition(partition, topicId), true, false);
  });
  return { errorCode, partitions: topics.flat() };
}

function readPartition(reader: Reader, topicId: string): FetchedPartition {
  const partition = reader.readInt32();
  const errorCode = reader.readInt16();
  reader.readInt64(); // high watermark
  const lastStableOffset = Number(reader.readInt64());
  reader.readInt64(); // log start
  const aborted = reader.readNullableArray((entry) => ({
    producerId: entry.readInt64(),
    firstOffset: entry.readInt64(),
  }));
  reader.readInt32(); // preferred replica
  // A compact length: one more than it is, 0 for null.
  const size = Math.max(0, reader.readUnsignedVarInt() - 1);
  if (size > reader.remaining) throw new RangeError('a fetch answer is shorter than it says');
  const batches = reader.buffer.slice(reader.position, reader.position + size);
  reader.skip(size);
  reader.readTaggedFields();
  return { topicId, partition, errorCode, lastStableOffset, aborted: aborted ?? [], batches };
}
