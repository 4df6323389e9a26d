import { zstdCompressSync } from 'node:zlib';
import { createRecordsBatch, crc32c } from '@platformatic/kafka';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HEADER_UNREADABLE_BATCH } from '../../src/event-log.ts';
import { readBatches } from '../../src/kafka/read-batches.ts';
import { BATCH_LAYOUT, encodeRecord, encodeRecordBatch } from '../../src/kafka/record-batch.ts';

const AT = { topic: 't', partition: 3 };
const NOBODY = { producerId: -1n, producerEpoch: -1, firstSequence: -1 };
const COMPRESSIONS = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const;
const NOW_MS = 1_700_000_000_000;
const TRANSACTIONAL = 0b1_0000;
const CONTROL = 0b10_0000;

interface BatchOptions {
  readonly producerId?: bigint;
  readonly attributes?: number;
  readonly compression?: (typeof COMPRESSIONS)[number];
}

/** As a broker stores it: the first offset written in, which the checksum does not cover. */
function batchAt(offset: number, values: readonly Buffer[], options: BatchOptions = {}): Buffer {
  const records = values.map((value) =>
    encodeRecord(Buffer.from('key'), { key: 'key', value, headers: { h: 'v' } }, NOW_MS),
  );
  const identity = { ...NOBODY, producerId: options.producerId ?? -1n };
  const bytes = encodeRecordBatch(records, identity, options.compression ?? 'none');
  bytes.writeBigInt64BE(BigInt(offset), 0);
  const attributes = bytes.readInt16BE(BATCH_LAYOUT.attributes) | (options.attributes ?? 0);
  bytes.writeInt16BE(attributes, BATCH_LAYOUT.attributes);
  return sealed(bytes);
}

function sealed(bytes: Buffer): Buffer {
  bytes.writeUInt32BE(crc32c(bytes.subarray(BATCH_LAYOUT.attributes)), BATCH_LAYOUT.crc);
  return bytes;
}

function marker(offset: number, producerId: bigint, type: number): Buffer {
  const key = Buffer.from([0, 0, 0, type]);
  const record = encodeRecord(key, { key: '', value: Buffer.alloc(6), headers: {} }, NOW_MS);
  const bytes = encodeRecordBatch([record], { ...NOBODY, producerId }, 'none');
  bytes.writeBigInt64BE(BigInt(offset), 0);
  bytes.writeInt16BE(TRANSACTIONAL | CONTROL, BATCH_LAYOUT.attributes);
  return sealed(bytes);
}

const text = (value: Uint8Array) => Buffer.from(value).toString();

describe('batches', () => {
  it('give what was written, whatever their compression and wherever the answer is cut', () => {
    const value = fc.uint8Array({ maxLength: 2000 }).map((bytes) => Buffer.from(bytes));
    const batch = fc.record({
      values: fc.array(value, { minLength: 1, maxLength: 8 }),
      compression: fc.constantFrom(...COMPRESSIONS),
    });
    fc.assert(
      fc.property(fc.array(batch, { maxLength: 5 }), fc.nat(), fc.nat(), (batches, cut, from) => {
        let offset = 0;
        const parts: Buffer[] = [];
        for (const { values, compression } of batches) {
          parts.push(batchAt(offset, values, { compression }));
          offset += values.length;
        }
        const all = batches.flatMap(({ values }) => values);
        const bytes = Buffer.concat(parts);
        const start = from % (offset + 1);
        const whole = readBatches(AT, start, bytes);
        expect(whole.records.map((r) => r.offset)).toEqual(
          all.map((_, i) => i).filter((i) => i >= start),
        );
        expect(whole.records.map((r) => Buffer.from(r.value))).toEqual(all.slice(start));
        const part = readBatches(AT, start, bytes.subarray(0, cut % (bytes.length + 1)));
        expect(part.unreadable).toBe(0);
        expect(part.records).toEqual(whole.records.slice(0, part.records.length));
      }),
      { numRuns: 60 },
    );
  });

  it('of another implementation are read, headers and missing keys included', () => {
    const message = {
      value: Buffer.from('hello'),
      headers: new Map([[Buffer.from('__proto__'), Buffer.from('x')]]),
      topic: 't',
      timestamp: BigInt(NOW_MS + 5),
    };
    for (const compression of COMPRESSIONS) {
      const { buffer } = createRecordsBatch([message], { compression });
      const [record] = readBatches(AT, 0, buffer).records;
      expect(record).toMatchObject({ key: '', offset: 0, appendedAtMs: NOW_MS + 5 });
      expect(text(record?.value ?? Buffer.alloc(0))).toBe('hello');
      expect(Object.entries(record?.headers ?? {})).toEqual([['__proto__', 'x']]);
    }
  });

  it('in the Java client’s snappy framing are read', () => {
    const plain = batchAt(0, [Buffer.from('one'), Buffer.alloc(3000, 7)], { compression: 'none' });
    const snappy = batchAt(0, [Buffer.from('one'), Buffer.alloc(3000, 7)], {
      compression: 'snappy',
    });
    const block = snappy.subarray(BATCH_LAYOUT.records);
    const head = Buffer.from('82534e41505059000000000100000001', 'hex');
    const length = Buffer.alloc(4);
    length.writeUInt32BE(block.length);
    const framed = Buffer.concat([snappy.subarray(0, BATCH_LAYOUT.records), head, length, block]);
    framed.writeInt32BE(framed.length - BATCH_LAYOUT.leaderEpoch, BATCH_LAYOUT.length);
    expect(readBatches(AT, 0, sealed(framed)).records).toEqual(readBatches(AT, 0, plain).records);
  });
});

describe('a batch that cannot be read', () => {
  const around = (bad: Buffer) =>
    Buffer.concat([batchAt(0, [Buffer.from('before')]), bad, batchAt(3, [Buffer.from('after')])]);

  it.each([
    [
      'a wrong checksum',
      'its checksum is wrong',
      (b: Buffer) => void b.writeUInt8(b.readUInt8(b.length - 1) ^ 1, b.length - 1),
    ],
    [
      'a compression nobody knows',
      'compression 7 is unknown',
      (b: Buffer) => void sealed(writeAttributes(b, 7)),
    ],
    [
      'a compression that it has not',
      'its records cannot be decompressed',
      (b: Buffer) => void sealed(writeAttributes(b, 4)),
    ],
    [
      'more records than bytes',
      'a number is cut off',
      (b: Buffer) => {
        b.writeInt32BE(2 ** 31 - 1, BATCH_LAYOUT.count);
        sealed(b);
      },
    ],
    ['an old format', 'format 1 is not read', (b: Buffer) => void (b[BATCH_LAYOUT.magic] = 1)],
  ])('(%s) becomes one record with the reason, and the others are read', (_, reason, damage) => {
    const bad = batchAt(1, [Buffer.from('x'), Buffer.from('y')]);
    damage(bad);
    const reading = readBatches(AT, 0, around(bad));
    expect(reading).toMatchObject({ nextOffset: 4, unreadable: 1 });
    const [first, second, third] = reading.records;
    expect([first, third].map((r) => text(r?.value ?? bad))).toEqual(['before', 'after']);
    expect(second).toMatchObject({ offset: 2, headers: { [HEADER_UNREADABLE_BATCH]: reason } });
    expect(Buffer.from(second?.value ?? []).equals(bad)).toBe(true);
  });

  it.each(['gzip', 'snappy', 'lz4', 'zstd'] as const)(
    'for inflating too far (%s) is not inflated',
    (compression) => {
      const bomb = batchAt(1, [Buffer.alloc(2_000_000), Buffer.alloc(10)], { compression });
      const reading = readBatches(AT, 0, around(bomb), [], 1_000_000);
      expect(reading.unreadable).toBe(1);
      expect(reading.records[1]?.headers).toEqual({
        [HEADER_UNREADABLE_BATCH]: 'its records have more than 1000000 bytes',
      });
      expect(reading.nextOffset).toBe(4);
    },
  );

  it('never makes the reader fail or stand still, whatever bits are turned', () => {
    const good = batchAt(5, [Buffer.alloc(300, 1), Buffer.from('b')], { compression: 'zstd' });
    fc.assert(
      fc.property(fc.nat(good.length - 1), fc.nat(7), fc.boolean(), (byte, bit, seal) => {
        const bytes = Buffer.from(good);
        bytes[byte] = (bytes[byte] ?? 0) ^ (1 << bit);
        // Its length decides where the next batch begins; that is the transport's to keep.
        if (byte >= BATCH_LAYOUT.length && byte < BATCH_LAYOUT.leaderEpoch) return;
        if (seal) sealed(bytes);
        const { nextOffset, records } = readBatches(AT, 5, bytes);
        expect(nextOffset > 5 || byte < BATCH_LAYOUT.length).toBe(true);
        for (const record of records) expect(record.offset).toBeGreaterThanOrEqual(5);
      }),
      { numRuns: 500 },
    );
  });
});

function writeAttributes(bytes: Buffer, attributes: number): Buffer {
  bytes.writeInt16BE(attributes, BATCH_LAYOUT.attributes);
  return bytes;
}

it('leaves out what aborted transactions wrote, and nothing else', () => {
  const part = (offset: number, value: string, producerId: bigint, attributes = TRANSACTIONAL) =>
    batchAt(offset, [Buffer.from(value)], { producerId, attributes });
  const bytes = Buffer.concat([
    part(0, 'plain', -1n, 0),
    part(1, 'aborted', 7n),
    part(2, 'other', 8n),
    part(3, 'aborted too', 7n),
    marker(4, 7n, 0),
    part(5, 'kept', 7n),
    marker(6, 7n, 1),
    part(7, 'aborted again', 7n),
    marker(8, 7n, 0),
    marker(9, 8n, 1),
  ]);
  const aborted = [
    { producerId: 7n, firstOffset: 7n },
    { producerId: 7n, firstOffset: 1n },
  ];
  const reading = readBatches(AT, 0, bytes, aborted);
  expect(reading.records.map((r) => text(r.value))).toEqual(['plain', 'other', 'kept']);
  expect(reading.nextOffset).toBe(10);
});

it('takes the size a zstd frame declares for nothing', () => {
  const plain = zstdCompressSync(Buffer.alloc(100_000));
  const good = batchAt(0, [Buffer.alloc(10)]);
  const head = Buffer.from(good.subarray(0, BATCH_LAYOUT.records));
  const bytes = Buffer.concat([head, plain]);
  bytes.writeInt32BE(bytes.length - BATCH_LAYOUT.leaderEpoch, BATCH_LAYOUT.length);
  const reading = readBatches(AT, 0, sealed(writeAttributes(bytes, 4)), [], 50_000);
  expect(reading.unreadable).toBe(1);
});
