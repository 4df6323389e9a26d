import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HEADER_BATCH_ID } from '@flotilla/contracts';
import { HEADER_UNREADABLE_BATCH } from '@flotilla/event-log';
import type { EncodedRange } from '../../src/consume/encoded-range.ts';
import { RangeReader, RecordsMissingError } from '../../src/consume/range-reader.ts';
import { logRecord, logsRequest } from '../decode/otlp-samples.ts';
import { NO_LEDGER } from './ingest-harness.ts';
import { AT, ScriptedLog } from './scripted-log.ts';

const value = logsRequest([logRecord('d1', 1_000)]);
const LIMITS = { maxRows: 1_000, maxBytes: 1e6, maxAgeMs: 0 };

function logOf(offsets: readonly number[]): { log: ScriptedLog; reader: RangeReader } {
  const log = new ScriptedLog();
  for (const offset of offsets) log.add(offset, value, { [HEADER_BATCH_ID]: `b${offset}` });
  const member = log.member();
  log.giveTo(member);
  return { log, reader: new RangeReader(member, NO_LEDGER, LIMITS) };
}

const offsetsOf = ({ batches }: EncodedRange) => batches.map(({ offset }) => offset);

describe('RangeReader.exactly', () => {
  it('repeats what the log holds of a range, whatever gaps it has', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(fc.nat(60), { minLength: 1 }),
        fc.nat(60),
        fc.integer({ min: 1, max: 30 }),
        async (unsorted, start, length) => {
          const offsets = unsorted.sort((a, b) => a - b);
          const end = start + length;
          // A record beyond shows that what is missing before it is not still to come.
          const { reader } = logOf([...offsets, 1_000]);
          const encoded = await reader.exactly(AT, { start, end });
          expect(offsetsOf(encoded)).toEqual(offsets.filter((at) => at >= start && at < end));
          expect(encoded.range).toEqual({ start, end });
        },
      ),
    );
  });

  it('takes a gap for a gap while older records are there', async () => {
    const { reader } = logOf([0, 5, 8]);
    expect((await reader.exactly(AT, { start: 3, end: 9 })).lostRecords).toBe(0);
  });

  it('counts no batch as lost that is there and cannot be read', async () => {
    const { log, reader } = logOf([]);
    log.add(4, value, { [HEADER_UNREADABLE_BATCH]: 'its checksum is wrong' });
    const encoded = await reader.next(AT, 0, new Set());
    expect(encoded?.lostRecords).toBe(0);
    expect(encoded?.undecodable.map(({ error }) => [error.code, error.message])).toEqual([
      ['batch_unreadable', 'its checksum is wrong'],
    ]);
  });

  it('repeats the rest, and counts as lost what lay before the start of the log', async () => {
    const { log, reader } = logOf([0, 1, 2, 3, 4, 5]);
    log.dropBelow(3);
    const encoded = await reader.exactly(AT, { start: 1, end: 5 });
    expect(offsetsOf(encoded)).toEqual([3, 4]);
    expect(encoded).toMatchObject({ lostRecords: 2, range: { start: 1, end: 5 } });
    log.dropBelow(5);
    expect(await reader.exactly(AT, { start: 1, end: 4 })).toMatchObject({ lostRecords: 3 });
  });

  it('does not take a log that gives nothing for one that holds nothing', async () => {
    const { log, reader } = logOf([0, 1, 2]);
    log.isQuiet = true;
    const range = { start: 1, end: 3 };
    await expect(reader.exactly(AT, range)).rejects.toBeInstanceOf(RecordsMissingError);
    log.isQuiet = false;
    expect(offsetsOf(await reader.exactly(AT, range))).toEqual([1, 2]);
  });
});

describe('RangeReader.next', () => {
  it('begins at the first record it finds, and says what the log dropped', async () => {
    const { log, reader } = logOf([0, 4, 5, 6]);
    const gap = await reader.next(AT, 2, new Set());
    expect(gap).toMatchObject({ range: { start: 4, end: 7 }, lostRecords: 0 });
    log.dropBelow(5);
    const late = await reader.next(AT, 2, new Set());
    expect(late).toMatchObject({ range: { start: 5, end: 7 }, lostRecords: 3 });
    expect(await reader.next(AT, 7, new Set())).toBeNull();
  });
});
