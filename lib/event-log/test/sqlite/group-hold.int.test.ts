import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  GroupHeldError,
  GroupLostError,
  LogFullError,
  LogUnavailableError,
  openEventLog,
  type EventLog,
} from '../../src/index.ts';
import { writeTransaction } from '../../src/sqlite/log-database.ts';

const TOPIC = 't';
const PARTITION = { topic: TOPIC, partition: 0 };
const POSITION = { offset: 0, metadata: '' };

let folder: string;
let file: string;
let log: EventLog;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flotilla-log-'));
  file = join(folder, 'log.db');
  log = await openEventLog(`sqlite:${file}`, { joinTimeoutMs: 50, writeTimeoutMs: 300 });
});
afterEach(async () => {
  await log.close();
  await rm(folder, { recursive: true, force: true });
});

function withDatabase<T>(use: (database: DatabaseSync) => T): T {
  const database = new DatabaseSync(file, { timeout: 1000 });
  try {
    return use(database);
  } finally {
    database.close();
  }
}

describe('a group’s holder', () => {
  it('on another host keeps the group until its lease expires', async () => {
    await (await log.consumer('g', [TOPIC])).close();
    const hold = (expiresAtMs: number) =>
      withDatabase((database) =>
        database
          .prepare("UPDATE consumer_groups SET token = 'far', host = 'far', expires_at_ms = ?")
          .run(expiresAtMs),
      );
    hold(Date.now() + 60_000);
    await expect(log.consumer('g', [TOPIC])).rejects.toBeInstanceOf(GroupHeldError);
    hold(Date.now() - 1);
    const consumer = await log.consumer('g', [TOPIC]);
    await consumer.commit(PARTITION, POSITION);
  });

  it('commits nothing once another one took over', async () => {
    const consumer = await log.consumer('g', [TOPIC]);
    withDatabase((database) => database.exec("UPDATE consumer_groups SET token = 'thief'"));
    await expect(consumer.commit(PARTITION, POSITION)).rejects.toBeInstanceOf(GroupLostError);
    await consumer.close();
    const left = withDatabase((database) =>
      database.prepare('SELECT token FROM consumer_groups').get(),
    );
    expect(left).toMatchObject({ token: 'thief' });
  });

  it('renews its lease', async () => {
    const short = await openEventLog(`sqlite:${file}`, { leaseMs: 90 });
    await short.consumer('g', [TOPIC]);
    const expiry = () =>
      withDatabase((database) =>
        Number(database.prepare('SELECT expires_at_ms AS at FROM consumer_groups').get()!['at']),
      );
    const before = expiry();
    await expect.poll(expiry, { timeout: 10_000 }).toBeGreaterThan(before + 90);
    await short.close();
  });
});

describe('a log that cannot be written', () => {
  it('gives up in time while another connection keeps it locked, then works again', async () => {
    const blocker = new DatabaseSync(file);
    blocker.exec('BEGIN IMMEDIATE');
    const record = { key: 'k', value: new Uint8Array(1), headers: {} };
    await expect(log.append(TOPIC, [record])).rejects.toBeInstanceOf(LogUnavailableError);
    blocker.exec('ROLLBACK');
    blocker.close();
    await log.append(TOPIC, [record]);
    expect(await (await log.consumer('g', [TOPIC])).endOffset(PARTITION)).toBe(1);
  });

  it('calls a full disk a full log, and leaves nothing of the transaction', async () => {
    const database = new DatabaseSync(join(folder, 'small.db'));
    database.exec('CREATE TABLE t (b BLOB); PRAGMA max_page_count = 8');
    const insert = database.prepare('INSERT INTO t VALUES (?)');
    const fill = writeTransaction(database, 100, () => {
      for (let i = 0; i < 100; i += 1) insert.run(new Uint8Array(4000));
    });
    await expect(fill).rejects.toBeInstanceOf(LogFullError);
    expect(database.prepare('SELECT count(*) AS n FROM t').get()).toMatchObject({ n: 0 });
    database.close();
  });

  it('refuses a file of something else', async () => {
    const other = join(folder, 'other.db');
    await writeFile(other, 'long enough to have a header'.repeat(100));
    await expect(openEventLog(`sqlite:${other}`)).rejects.toBeInstanceOf(LogUnavailableError);
  });

  it('refuses the file of a newer release', async () => {
    withDatabase((database) => database.exec('PRAGMA user_version = 2'));
    await expect(openEventLog(`sqlite:${file}`)).rejects.toThrow(/newer release/);
  });
});
