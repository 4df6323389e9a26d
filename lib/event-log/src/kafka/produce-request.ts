import { createAPI, produceV11, Writer } from '@platformatic/kafka';

const PRODUCE = 0;
const VERSION = 11;
const ACKS_ALL = -1;

/** A record batch as it is encoded, and where it goes. */
export interface BatchToSend {
  readonly topic: string;
  readonly partition: number;
  readonly bytes: Buffer;
}

type Answer = ReturnType<typeof produceV11.parseResponse>;

/** Produce, version 11 (KIP-98 and on): batches that are encoded already, answered by all replicas. */
export const produce = createAPI<[timeoutMs: number, batches: readonly BatchToSend[]], Answer>(
  PRODUCE,
  VERSION,
  (timeoutMs: number, batches: readonly BatchToSend[]) =>
    Writer.create()
      .appendString(null)
      .appendInt16(ACKS_ALL)
      .appendInt32(timeoutMs)
      .appendArray([...Map.groupBy(batches, ({ topic }) => topic)], (topics, [topic, own]) =>
        topics.appendString(topic).appendArray(own, (partitions, { partition, bytes }) =>
          partitions
            .appendInt32(partition)
            .appendUnsignedVarInt(bytes.length + 1)
            .append(bytes),
        ),
      )
      .appendTaggedFields(),
  produceV11.parseResponse,
);
