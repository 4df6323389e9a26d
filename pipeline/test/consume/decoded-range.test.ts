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
import {
  batchNameOf,
  decodeRecord,
  receivedAtMsOf,
  sortRange,
  takeRows,
} from '../../src/consume/decoded-range.ts';
import { DecodeError } from '@flotilla/otlp';
import { batchKey } from '../../src/load/batch-ledger.ts';
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
  decodeRecord(
    record(offset, { headers: { [HEADER_BATCH_ID]: batchId, [HEADER_DEVICE_ID]: deviceId } }),
  );

describe('sorting a range', () => {
  it('keeps the first of each batch and drops what was stored before', () => {
    const known = new Set([batchKey({ deviceId: 'd1', batchId: 'old' })]);
    const sorted = sortRange(
      [batch(5, 'old'), batch(6, 'new'), batch(7, 'new'), batch(8, 'old', 'd2')],
      known,
    );
    expect(sorted.fresh.map((r) => r.record.offset)).toEqual([6, 8]);
    expect(sorted.duplicates.map((r) => r.offset)).toEqual([5, 7]);
  });

  it('never takes a record without a batch id for a retry', () => {
    const sorted = sortRange([decodeRecord(record(1)), decodeRecord(record(2))], new Set());
    expect(sorted.fresh).toHaveLength(2);
  });

  it('sets undecodable records aside, and the retry that decodes is no duplicate of one', () => {
    const broken = decodeRecord(
      record(1, { value: Uint8Array.of(0xff), headers: { [HEADER_BATCH_ID]: 'b' } }),
    );
    const sorted = sortRange([broken, batch(2, 'b')], new Set());
    expect(sorted.undecodable).toHaveLength(1);
    expect(sorted.fresh.map((r) => r.record.offset)).toEqual([2]);
  });

  it('decides the same when cut anywhere, given what came before', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('a', 'b', 'c', 'd')), fc.nat(20), (ids, cutAt) => {
        const records = ids.map((id, offset) => batch(offset, id));
        const whole = sortRange(records, new Set()).fresh.map((r) => r.record.offset);
        const first = sortRange(records.slice(0, cutAt), new Set()).fresh;
        const known = new Set(
          first.flatMap((r) => {
            const name = batchNameOf(r.record);
            return name === null ? [] : [batchKey(name)];
          }),
        );
        const second = sortRange(records.slice(cutAt), known).fresh;
        expect([...first, ...second].map((r) => r.record.offset)).toEqual(whole);
      }),
    );
  });
});

describe('takeRows', () => {
  it('stays within the limit but takes at least one record', () => {
    const three = decodeRecord(
      record(1, { value: logsRequest([1, 2, 3].map((ms) => logRecord('d1', ms))) }),
    );
    expect(takeRows([three, three, three], 6)).toBe(2);
    expect(takeRows([three, three, three], 7)).toBe(2);
    expect(takeRows([three, three], 1)).toBe(1);
    expect(takeRows([three, three], 100)).toBe(2);
    expect(takeRows([], 100)).toBe(0);
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
