import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  HEADER_BATCH_ID,
  HEADER_DEVICE_ID,
  TOPIC_DEAD_LETTERS,
  TOPIC_LOGS,
  TOPIC_METRICS,
} from '@flotilla/contracts';
import type { EventLog, LogRecord, StoredRecord } from '@flotilla/event-log';
import { MemoryEventLog } from '@flotilla/event-log/testing';
import { DecodeError, type DecodeErrorCode } from '@flotilla/otlp';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { deadLetter } from '../../src/consume/dead-letters.ts';
import { deadLetters, DeadLettersUsageError } from '../../src/dead-letters/command.ts';
import { LetterSpool } from '../../src/dead-letters/letter-spool.ts';

const ALL = { maxRecords: 1000, maxBytes: 1_000_000 };
const BYTES = Uint8Array.from([0xff, 0x00, 0x0a]);

let log: EventLog;
let root: string;
let spool: LetterSpool;
beforeEach(() => {
  log = new MemoryEventLog();
  root = mkdtempSync(join(tmpdir(), 'flotilla-letters-'));
  spool = new LetterSpool(join(root, 'spool'));
});
afterEach(async () => {
  await log.close();
  rmSync(root, { recursive: true });
});

async function bury(topic: string, batchId: string, code: DecodeErrorCode): Promise<void> {
  await log.append(TOPIC_DEAD_LETTERS, [letterOf(topic, batchId, code)]);
}

/** As the pipeline does when the log is full. */
async function spoolUp(topic: string, batchId: string): Promise<void> {
  await spool.put('some', letterOf(topic, batchId, 'truncated'), 1_000);
}

function letterOf(topic: string, batchId: string, code: DecodeErrorCode): LogRecord {
  const record: StoredRecord = {
    topic,
    partition: 0,
    offset: 7,
    appendedAtMs: 0,
    key: 'd1',
    value: BYTES,
    headers: { [HEADER_DEVICE_ID]: 'd1', [HEADER_BATCH_ID]: batchId },
  };
  return deadLetter(record, new DecodeError(code, `it is ${code}`));
}

async function run(...args: string[]): Promise<string[]> {
  const lines: string[] = [];
  await deadLetters(args, log, (line) => lines.push(line), spool);
  return lines;
}

/** What a reader of `topic` finds. */
async function found(topic: string): Promise<LogRecord[]> {
  const consumer = await log.consumer(`reader-${Math.random()}`, [topic]);
  try {
    const all = await Promise.all(
      (await consumer.assignment()).map((partition) => consumer.read(partition, 0, ALL)),
    );
    return all.flat().map(({ key, value, headers }) => ({ key, value, headers }));
  } finally {
    await consumer.close();
  }
}

describe('dead-letters', () => {
  it('lists with code, reason, topic and time, and means what it is told', async () => {
    await bury(TOPIC_LOGS, 'a', 'truncated');
    await bury(TOPIC_METRICS, 'b', 'expands_too_far');
    const [line] = await run('list', '--json', '--code', 'expands_too_far');
    expect(JSON.parse(line ?? '')).toMatchObject({
      code: 'expands_too_far',
      reason: 'it is expands_too_far',
      topic: TOPIC_METRICS,
      from: '0:7',
      deviceId: 'd1',
      batchId: 'b',
      isReplayed: false,
    });
    expect(await run('list', '--topic', TOPIC_LOGS)).toHaveLength(1);
    expect(await run('list')).toHaveLength(2);
  });

  it('replays the original bytes, key and batch id, once', async () => {
    await bury(TOPIC_LOGS, 'a', 'truncated');
    await bury(TOPIC_LOGS, 'b', 'expands_too_far');
    expect(await run('replay', '--code', 'expands_too_far')).toEqual(['1 replayed']);
    expect(await found(TOPIC_LOGS)).toEqual([
      { key: 'd1', value: BYTES, headers: { [HEADER_DEVICE_ID]: 'd1', [HEADER_BATCH_ID]: 'b' } },
    ]);
    expect(await run('replay')).toEqual(['1 replayed']);
    expect(await run('replay')).toEqual(['0 replayed']);
    expect((await found(TOPIC_LOGS)).map(({ headers }) => headers[HEADER_BATCH_ID])).toEqual([
      'b',
      'a',
    ]);
    expect((await run('list')).every((line) => line.includes('  replayed  '))).toBe(true);
  });

  it('tells what a replay would do without doing it', async () => {
    await bury(TOPIC_LOGS, 'a', 'truncated');
    expect((await run('replay', '--dry-run')).at(-1)).toBe('1 would be replayed');
    expect(await found(TOPIC_LOGS)).toEqual([]);
    expect(await run('replay')).toEqual(['1 replayed']);
  });

  it('leaves a letter of an unknown origin where it is, and says so', async () => {
    await bury('elsewhere', 'a', 'truncated');
    expect((await run('replay')).join()).toMatch(/^0 replayed,1 are no record/);
  });

  it('leaves a whole batch where it is: it is no record that a topic could take back', async () => {
    await bury(TOPIC_LOGS, 'a', 'batch_unreadable');
    expect((await run('replay')).join()).toMatch(/^0 replayed,1 are no record/);
    expect(await found(TOPIC_LOGS)).toEqual([]);
  });

  it('means those a full log did not take just the same, and removes what it replayed', async () => {
    await spoolUp(TOPIC_LOGS, 'a');
    const [line] = await run('list', '--json');
    expect(JSON.parse(line ?? '')).toMatchObject({
      at: 'spool:some',
      topic: TOPIC_LOGS,
      from: '0:7',
      batchId: 'a',
      code: 'truncated',
      diedAt: '1970-01-01T00:00:01.000Z',
      isReplayed: false,
    });
    expect(await run('replay', '--topic', TOPIC_METRICS)).toEqual(['0 replayed']);
    expect(await run('replay', '--at', 'spool:some')).toEqual(['1 replayed']);
    expect(await found(TOPIC_LOGS)).toEqual([
      { key: 'd1', value: BYTES, headers: { [HEADER_DEVICE_ID]: 'd1', [HEADER_BATCH_ID]: 'a' } },
    ]);
    expect(await run('replay')).toEqual(['0 replayed']);
    expect(await run('list')).toEqual([]);
  });

  it('exports bytes and reasons', async () => {
    const folder = join(root, 'export');
    await bury(TOPIC_LOGS, 'a', 'truncated');
    await spoolUp(TOPIC_LOGS, 'b');
    await run('export', '--to', folder);
    const files = readdirSync(folder).sort();
    expect(files).toEqual(['0-0.json', '0-0.otlp', 'spool-some.json', 'spool-some.otlp']);
    for (const file of ['0-0.otlp', 'spool-some.otlp']) {
      expect(new Uint8Array(readFileSync(join(folder, file)))).toEqual(BYTES);
    }
  });

  it('keeps control characters of a reason from the terminal', async () => {
    await log.append(TOPIC_DEAD_LETTERS, [
      { key: 'd1', value: BYTES, headers: { 'flotilla-dead-letter-reason': '\u001b[2J' } },
    ]);
    expect((await run('list')).join()).not.toContain('\u001b');
  });

  it('refuses arguments it does not know', async () => {
    for (const args of [[], ['eat'], ['list', '--bogus'], ['export']]) {
      await expect(run(...args)).rejects.toBeInstanceOf(DeadLettersUsageError);
    }
  });
});
