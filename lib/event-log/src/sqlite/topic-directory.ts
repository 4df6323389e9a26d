import type { PartitionRow, Statements } from './statements.ts';

/** Partitions per topic. A topic's number of partitions never changes, so an answer stays valid. */
export class TopicDirectory {
  readonly #statements: Statements;
  readonly #partitions: number;
  readonly #known = new Map<string, readonly PartitionRow[]>();

  constructor(statements: Statements, partitions: number) {
    this.#statements = statements;
    this.#partitions = partitions;
  }

  /** Creates the topic when it is new; call inside a write transaction. */
  ensure(topic: string): readonly PartitionRow[] {
    const known = this.#known.get(topic);
    if (known !== undefined) return known;
    const statements = this.#statements;
    statements.insertTopic.run({ topic, partitions: this.#partitions });
    const count = statements.topicPartitionCount.get({ topic })?.partitions ?? this.#partitions;
    for (let number = 0; number < count; number += 1) {
      statements.insertPartition.run({ topic, number });
    }
    return statements.topicPartitions.all({ topic });
  }

  /** To be called once the transaction that ensured the topic is durable. */
  remember(topic: string, partitions: readonly PartitionRow[]): void {
    this.#known.set(topic, partitions);
  }
}
