import {
  HEADER_BATCH_ID,
  HEADER_DEVICE_ID,
  HEADER_RECEIVED_AT,
  TOPIC_LOGS,
} from '@flotilla/contracts';
import type { StoredRecord } from '@flotilla/event-log';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { deadLetter } from '../../src/consume/dead-letters.ts';
import { encodeRange, NO_LIMITS, receivedAtMsOf } from '../../src/consume/encoded-range.ts';
import { DecodeError } from '@flotilla/otlp';
import { batchKey } from '../../src/load/batch-name.ts';
import { rowsOf } from '../decode/decoded-rows.ts';
import { logRecord, logsRequest } from '../decode/otlp-samples.ts';

const value = logsRequest([logRecord('d1', 1_000)]);
const record = (offset: number, more: Partial<StoredRecord> = {}): StoredRecord => ({
  topic: TOPIC_LOGS,
  partition: 0,
  offset,
  key: 'd1',
  value,
  headers: {},
  appendedAtMs: 1_000,
  ...more,
});
const batch = (offset: number, batchId: string, deviceId = 'd1') =>
  record(offset, { headers: { [HEADER_BATCH_ID]: batchId, [HEADER_DEVICE_ID]: deviceId } });
const AT = { topic: TOPIC_LOGS, partition: 0 };
const encode = (records: readonly StoredRecord[], known = new Set<string>(), limits = NO_LIMITS) =>
  encodeRange(AT, records, known, limits);
const offsetsOf = ({ batches }: Awaited<ReturnType<typeof encode>>) =>
  batches.map(({ offset }) => offset);

describe('encoding a range', () => {
  it('keeps the first of each batch and drops what was stored before', async () => {
    const known = new Set([batchKey({ deviceId: 'd1', batchId: 'old' })]);
    const encoded = await encode(
      [batch(5, 'old'), batch(6, 'new'), batch(7, 'new'), batch(8, 'old', 'd2')],
      known,
    );
    expect(offsetsOf(encoded)).toEqual([6, 8]);
    expect(encoded.duplicates).toBe(2);
    expect(encoded.rows.rowCount).toBe(2);
    expect(encoded.range).toEqual({ start: 5, end: 9 });
  });

  it('never takes a record without a batch id for a retry', async () => {
    const encoded = await encode([record(1), record(2, { key: '' })]);
    expect(encoded.rows.rowCount).toBe(2);
    expect(encoded.batches).toEqual([]);
  });

  it('sets undecodable records aside, and the retry that decodes is no duplicate of one', async () => {
    // A whole record, then a broken one: no row of it may stay.
    const broken = Buffer.concat([value, Uint8Array.of(0xff)]);
    const encoded = await encode([
      record(1, { value: broken, headers: { [HEADER_BATCH_ID]: 'b' } }),
      batch(2, 'b'),
    ]);
    expect(encoded.undecodable.map(({ error }) => error.code)).toEqual(['truncated']);
    expect(offsetsOf(encoded)).toEqual([2]);
    expect(encoded.rows.rowCount).toBe(1);
    const [row] = rowsOf(encoded.rows).otel_logs!;
    expect(row).toMatchObject({ IngestSource: 'otlp_logs/0', IngestOffset: { rawJSON: '2' } });
  });

  it('decides the same when cut anywhere, given what came before', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom('a', 'b', 'c', 'd')),
        fc.nat(20),
        async (ids, cutAt) => {
          const records = ids.map((id, offset) => batch(offset, id));
          const whole = offsetsOf(await encode(records));
          const first = await encode(records.slice(0, cutAt));
          const second = await encode(
            records.slice(cutAt),
            new Set(first.batches.map((name) => batchKey(name))),
          );
          expect([...offsetsOf(first), ...offsetsOf(second)]).toEqual(whole);
        },
      ),
    );
  });

  it('stops once a limit is reached, but takes at least one record', async () => {
    const three = logsRequest([1, 2, 3].map((ms) => logRecord('d1', ms)));
    const records = [1, 2, 3].map((offset) => record(offset, { value: three }));
    const cut = async (limits: { maxRows: number; maxBytes: number }) =>
      (await encode(records, new Set(), limits)).range;
    expect(await cut({ maxRows: 6, maxBytes: Infinity })).toEqual({ start: 1, end: 3 });
    expect(await cut({ maxRows: 1, maxBytes: Infinity })).toEqual({ start: 1, end: 2 });
    expect(await cut({ maxRows: 100, maxBytes: 1 })).toEqual({ start: 1, end: 2 });
    expect(await cut({ maxRows: 100, maxBytes: 1e6 })).toEqual({ start: 1, end: 4 });
  });
});

describe('headers', () => {
  it('take the time the collector received it, or that of the log', () => {
    const at = '2026-01-02T03:04:05.678Z';
    expect(receivedAtMsOf(record(1, { headers: { [HEADER_RECEIVED_AT]: at } }))).toBe(
      Date.parse(at),
    );
    expect(receivedAtMsOf(record(1, { headers: { [HEADER_RECEIVED_AT]: 'soon' } }))).toBe(1_000);
    expect(receivedAtMsOf(record(1))).toBe(1_000);
  });

  it('of a dead letter say why and where from, beside the original bytes', () => {
    const original = record(9, { headers: { [HEADER_BATCH_ID]: 'b', other: 'x' } });
    const letter = deadLetter(original, new DecodeError('truncated', `r\ud800${'x'.repeat(900)}`));
    expect(letter.value).toBe(original.value);
    expect(letter.key).toBe('d1');
    expect(letter.headers).toMatchObject({
      [HEADER_BATCH_ID]: 'b',
      'flotilla-dead-letter-code': 'truncated',
      'flotilla-dead-letter-topic': TOPIC_LOGS,
      'flotilla-dead-letter-partition': '0',
      'flotilla-dead-letter-offset': '9',
    });
    const reason = letter.headers['flotilla-dead-letter-reason']!;
    expect(reason.isWellFormed()).toBe(true);
    expect(reason).toHaveLength(500);
  });
});
