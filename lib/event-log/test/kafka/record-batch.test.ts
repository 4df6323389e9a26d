import { createRecordsBatch, Reader, readRecordsBatch } from '@platformatic/kafka';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { encodeRecord, encodeRecordBatch } from '../../src/kafka/record-batch.ts';

const COMPRESSIONS = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const;
const DAY_MS = 86_400_000;

const text = fc.string({ unit: 'grapheme', maxLength: 40 });
const record = fc.record({
  key: text,
  value: fc.uint8Array({ maxLength: 3000 }),
  headers: fc.dictionary(text, text, { maxKeys: 5 }),
  timestampMs: fc.integer({ min: 1_700_000_000_000, max: 1_700_000_000_000 + 100 * DAY_MS }),
});
const identity = fc.record({
  producerId: fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }),
  producerEpoch: fc.integer({ min: 0, max: 32_767 }),
  firstSequence: fc.integer({ min: 0, max: 2 ** 31 - 1 }),
});

it('is read back by another implementation as it was written', () => {
  fc.assert(
    fc.property(
      fc.array(record, { minLength: 1, maxLength: 70 }),
      identity,
      fc.constantFrom(...COMPRESSIONS),
      (records, numbers, compression) => {
        const encoded = records.map((r) => encodeRecord(Buffer.from(r.key), r, r.timestampMs));
        const batch = readRecordsBatch(
          Reader.from(encodeRecordBatch(encoded, numbers, compression)),
        );
        expect(batch).toMatchObject(numbers);
        expect(batch.maxTimestamp).toBe(BigInt(Math.max(...records.map((r) => r.timestampMs))));
        const back = batch.records.map((r, i) => ({
          key: r.key?.toString(),
          value: Uint8Array.from(r.value ?? []),
          headers: Object.fromEntries(r.headers.map(([n, v]) => [String(n), String(v)])),
          timestampMs: Number(batch.firstTimestamp + r.timestampDelta),
          offsetDelta: r.offsetDelta - i,
        }));
        expect(back).toEqual(records.map((r) => ({ ...r, offsetDelta: 0 })));
      },
    ),
    { numRuns: 60 },
  );
});

it('is byte for byte what another implementation writes, checksum included', () => {
  const records = [0, 1, 2].map((i) => ({
    key: `device-${i}`,
    value: Buffer.alloc(100 * i, i),
    headers: { 'x-name': `value ${i}` },
    timestampMs: 1_700_000_000_000 + i * 70,
  }));
  const other = createRecordsBatch(
    records.map((r) => ({
      key: Buffer.from(r.key),
      value: r.value,
      headers: new Map([[Buffer.from('x-name'), Buffer.from(r.headers['x-name'])]]),
      topic: 't',
      timestamp: BigInt(r.timestampMs),
    })),
    { producerId: 7n, producerEpoch: 3, partitionLeaderEpoch: -1 },
  );
  const own = encodeRecordBatch(
    records.map((r) => encodeRecord(Buffer.from(r.key), r, r.timestampMs)),
    { producerId: 7n, producerEpoch: 3, firstSequence: 0 },
    'none',
  );
  expect(own.toString('hex')).toBe(other.buffer.toString('hex'));
});
