import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite';
import { loadSql } from './log-database.ts';

type Row = Record<string, SQLInputValue>;

/** A prepared query with the types of its parameters and rows, as its `.sql` file declares them. */
class Query<P extends Row, R> {
  readonly #statement: StatementSync;
  constructor(database: DatabaseSync, name: string) {
    this.#statement = database.prepare(loadSql(name));
  }
  run(parameters: P): number {
    return Number(this.#statement.run(parameters).changes);
  }
  get(parameters: P): R | undefined {
    return this.#statement.get(parameters) as R | undefined;
  }
  all(parameters: P): R[] {
    return this.#statement.all(parameters) as R[];
  }
  iterate(parameters: P): IterableIterator<R> {
    return this.#statement.iterate(parameters) as IterableIterator<R>;
  }
}

export interface PartitionRow {
  readonly id: number;
  readonly number: number;
}

export interface HolderRow {
  readonly token: string;
  readonly host: string;
  readonly pid: number;
  readonly processStart: string;
  readonly expiresAtMs: number;
}

export interface RecordRow {
  readonly offset: number;
  readonly appendedAtMs: number;
  readonly sizeBytes: number;
  readonly key: string;
  readonly headers: string;
  readonly value: Uint8Array;
}

export type RecordSizeRow = Pick<RecordRow, 'offset' | 'appendedAtMs' | 'sizeBytes'>;

type None = Record<string, never>;
type AtPartition = { partitionId: number };
type BeforeOffset = AtPartition & { beforeOffset: number };
type GroupToken = { group: string; token: string };

export type Statements = ReturnType<typeof prepareStatements>;

export function prepareStatements(db: DatabaseSync) {
  return { ...topicStatements(db), ...recordStatements(db), ...groupStatements(db) };
}

function topicStatements(db: DatabaseSync) {
  return {
    dataVersion: new Query<None, { data_version: number }>(db, 'data-version'),
    insertTopic: new Query<{ topic: string; partitions: number }, never>(db, 'insert-topic'),
    topicPartitionCount: new Query<{ topic: string }, { partitions: number }>(
      db,
      'topic-partition-count',
    ),
    insertPartition: new Query<{ topic: string; number: number }, never>(db, 'insert-partition'),
    topicPartitions: new Query<{ topic: string }, PartitionRow>(db, 'topic-partitions'),
    allPartitions: new Query<None, { id: number }>(db, 'all-partitions'),
    endOffset: new Query<AtPartition, { endOffset: number }>(db, 'end-offset'),
    totalSize: new Query<None, { sizeBytes: number; records: number }>(db, 'total-size'),
    advancePartition: new Query<AtPartition & { endOffset: number; addedBytes: number }, never>(
      db,
      'advance-partition',
    ),
    shrinkPartition: new Query<AtPartition & { firstOffset: number; freedBytes: number }, never>(
      db,
      'shrink-partition',
    ),
  };
}

function recordStatements(db: DatabaseSync) {
  return {
    insertRecord: new Query<AtPartition & { [K in keyof RecordRow]: RecordRow[K] }, never>(
      db,
      'insert-record',
    ),
    readRecords: new Query<AtPartition & { offset: number; maxRecords: number }, RecordRow>(
      db,
      'read-records',
    ),
    oldestRecords: new Query<BeforeOffset & { limit: number }, RecordSizeRow>(db, 'oldest-records'),
    deleteRecords: new Query<BeforeOffset, never>(db, 'delete-records'),
  };
}

function groupStatements(db: DatabaseSync) {
  return {
    committedFloor: new Query<AtPartition, { groups: number; floor: number | null }>(
      db,
      'committed-floor',
    ),
    groupHolder: new Query<{ group: string }, HolderRow>(db, 'group-holder'),
    takeGroup: new Query<{ group: string } & { [K in keyof HolderRow]: HolderRow[K] }, never>(
      db,
      'take-group',
    ),
    renewGroup: new Query<GroupToken & { expiresAtMs: number }, never>(db, 'renew-group'),
    releaseGroup: new Query<GroupToken, never>(db, 'release-group'),
    insertSubscription: new Query<{ topic: string; group: string }, never>(
      db,
      'insert-subscription',
    ),
    readPosition: new Query<AtPartition & { group: string }, { offset: number; metadata: string }>(
      db,
      'read-position',
    ),
    writePosition: new Query<
      AtPartition & { group: string; offset: number; metadata: string },
      never
    >(db, 'write-position'),
  };
}
