import { TOPIC_LOGS, TOPIC_METRICS } from '@flotilla/contracts';
import { DecodeError } from '@flotilla/otlp';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RowEncoder } from '../../src/decode/row-encoder.ts';
import { readNativeBlock } from '../decode/native-block.ts';
import { logsRequest, metricsRequest } from '../decode/otlp-samples.ts';
import { logsArbitrary, metricsArbitrary } from './otlp-arbitraries.ts';

/** A long run: FUZZ_INPUTS=200000; a run again: FUZZ_SEED=<as printed>. */
const INPUTS = Number(process.env['FUZZ_INPUTS'] ?? 1500);
const SEED = Number(process.env['FUZZ_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const MIB = 1024 * 1024;

/** One length-delimited field. */
function field(number: number, ...content: (Uint8Array | string)[]): Buffer {
  const bytes = Buffer.concat(content.map((part) => Buffer.from(part as string)));
  const length: number[] = [];
  let rest = bytes.length;
  for (; rest > 0x7f; rest >>>= 7) length.push((rest & 0x7f) | 0x80);
  return Buffer.concat([Buffer.from([(number << 3) | 2, ...length, rest]), bytes]);
}

/** Changes to bytes, each at a place given as a share of their length. */
const place = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const change = fc.oneof(
  fc.record({ kind: fc.constant('flip' as const), at: place, bit: fc.nat({ max: 7 }) }),
  fc.record({ kind: fc.constant('cut' as const), at: place, to: place }),
  fc.record({ kind: fc.constant('double' as const), at: place, to: place }),
  fc.record({
    kind: fc.constant('put' as const),
    at: place,
    bytes: fc.uint8Array({ maxLength: 12 }),
  }),
  fc.record({ kind: fc.constant('end' as const), at: place }),
);
type Change = typeof change extends fc.Arbitrary<infer T> ? T : never;

function changed(bytes: Buffer, by: Change): Buffer {
  const at = Math.floor(by.at * bytes.length);
  switch (by.kind) {
    case 'flip': {
      if (bytes.length === 0) return bytes;
      const flipped = Buffer.from(bytes);
      flipped.writeUInt8(flipped.readUInt8(at) ^ (1 << by.bit), at);
      return flipped;
    }
    case 'cut':
      return Buffer.concat([
        bytes.subarray(0, at),
        bytes.subarray(Math.floor(by.to * bytes.length)),
      ]);
    case 'double': {
      const piece = bytes.subarray(at, Math.floor(by.to * bytes.length));
      return Buffer.concat([bytes.subarray(0, at), piece, bytes.subarray(at)]);
    }
    case 'put':
      return Buffer.concat([bytes.subarray(0, at), by.bytes, bytes.subarray(at)]);
    case 'end':
      return bytes.subarray(0, at);
  }
}

const request = fc.oneof(
  metricsArbitrary.map((metrics) => ({ topic: TOPIC_METRICS, bytes: metricsRequest(metrics) })),
  logsArbitrary.map((logs) => ({ topic: TOPIC_LOGS, bytes: logsRequest(logs) })),
);
const mutated = fc
  .tuple(request, fc.array(change, { maxLength: 4 }))
  .map(([{ topic, bytes }, changes]) => ({
    topic,
    bytes: changes.reduce(changed, Buffer.from(bytes)),
  }));

/** Rows that the encoder holds, all of them read back; throws when a byte of them is out of place. */
function rowsHeld(encoder: RowEncoder): number {
  return encoder.tables().reduce((sum, rows) => {
    const read = readNativeBlock(Buffer.concat(rows.parts())).rows;
    expect(read).toHaveLength(rows.count);
    return sum + read.length;
  }, 0);
}

const codeOf = (work: () => unknown): string => {
  try {
    work();
  } catch (error) {
    if (error instanceof DecodeError) return error.code;
    throw error;
  }
  return 'taken';
};

const add = (topic: string, bytes: Buffer) => codeOf(() => new RowEncoder(topic, 0).add(7, bytes));

describe(`the decoder on ${INPUTS} broken requests, FUZZ_SEED=${SEED}`, () => {
  it('throws DecodeError or adds whole rows, and never half of a request', () => {
    const taken = { whole: 0, refused: 0 };
    // One encoder for many requests, as in a batch: a refused one must leave no trace in it.
    const encoders = new Map<string, RowEncoder>();
    fc.assert(
      fc.property(mutated, fc.nat(), ({ topic, bytes }, offset) => {
        const known = encoders.get(topic);
        const encoder =
          known === undefined || known.rowCount > 20 ? new RowEncoder(topic, 3) : known;
        encoders.set(topic, encoder);
        const before = encoder.rowCount;
        let added = 0;
        const code = codeOf(() => (added = encoder.add(offset, bytes)));
        taken[code === 'taken' ? 'whole' : 'refused'] += 1;
        expect(encoder.rowCount).toBe(before + added);
        expect(rowsHeld(encoder)).toBe(encoder.rowCount);
      }),
      { numRuns: INPUTS, seed: SEED },
    );
    expect(Math.min(taken.whole, taken.refused)).toBeGreaterThan(INPUTS / 20);
  }, 3_600_000);

  it('takes any bytes at all', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(TOPIC_METRICS, TOPIC_LOGS),
        fc.uint8Array({ maxLength: 200 }),
        (topic, bytes) => void add(topic, Buffer.from(bytes)),
      ),
      { numRuns: INPUTS, seed: SEED },
    );
  }, 3_600_000);
});

describe('the decoder on requests made to hurt', { timeout: 60_000 }, () => {
  const logOf = (...record: Buffer[]) => field(1, field(2, field(2, ...record)));
  const nested = (depth: number, wrap: (inner: Buffer) => Buffer) => {
    let value = field(1, 'x');
    for (let level = 0; level < depth; level += 1) value = wrap(value);
    return logOf(field(5, value));
  };

  it.each([
    ['lists in lists', (inner: Buffer) => field(5, field(1, inner))],
    ['maps in maps', (inner: Buffer) => field(6, field(1, field(1, 'k'), field(2, inner)))],
  ])('refuses %s that go too deep, and takes those that do not', (_what, wrap) => {
    expect(add(TOPIC_LOGS, nested(10, wrap))).toBe('taken');
    for (const depth of [100, 1000]) {
      expect(add(TOPIC_LOGS, nested(depth, wrap))).toBe('nesting_too_deep');
    }
  });

  it('refuses what would grow beyond its bound, without growing', () => {
    const resource = field(1, field(1, field(1, 'k'), field(2, field(1, 'v'.repeat(64 * 1024)))));
    const records = field(
      2,
      ...Array.from({ length: 20_000 }, () => Buffer.from([(2 << 3) | 2, 0])),
    );
    const encoder = new RowEncoder(TOPIC_LOGS, 0);
    expect(codeOf(() => encoder.add(0, field(1, resource, records)))).toBe('expands_too_far');
    expect(encoder.rowCount).toBe(0);
    expect(encoder.sizeBytes).toBe(0);
    expect(add(TOPIC_LOGS, logOf(field(5, field(1, 'still here'))))).toBe('taken');
  });

  it.each<[string, string, (n: number) => Buffer]>([
    [
      'attributes with one key',
      TOPIC_LOGS,
      (n) => logOf(Buffer.concat(Array<Buffer>(n).fill(attribute('k')))),
    ],
    [
      'attributes with a key each',
      TOPIC_LOGS,
      (n) => logOf(Buffer.concat(Array.from({ length: n }, (_, i) => attribute(`k${i}`)))),
    ],
    ['fields nobody knows', TOPIC_METRICS, (n) => Buffer.alloc(2 * n, Buffer.from([15 << 3, 1]))],
    ['empty scopes', TOPIC_METRICS, (n) => field(1, Buffer.alloc(2 * n, Buffer.from([18, 0])))],
    [
      'buckets',
      TOPIC_METRICS,
      (n) => field(1, field(2, field(2, field(9, field(1, field(6, Buffer.alloc(8 * n))))))),
    ],
  ])('spends no more than in proportion on %s', (_what, topic, make) => {
    const cpuMs = (bytes: Buffer) => {
      const start = process.cpuUsage();
      add(topic, bytes);
      return process.cpuUsage(start).user / 1000;
    };
    const small = make(4_000);
    const large = make(64_000);
    cpuMs(small);
    const smallMs = Math.max(1, Math.min(...Array.from({ length: 5 }, () => cpuMs(small))));
    const largeMs = Math.min(...Array.from({ length: 3 }, () => cpuMs(large)));
    // Sixteen times the work; a quadratic decoder would take 256 times as long.
    expect(largeMs / smallMs).toBeLessThan(80);
  });

  it('holds nothing of what it refused', () => {
    const refused = field(
      1,
      field(2, field(2, field(5, field(1, Buffer.alloc(256 * 1024, 0xff))))),
    );
    const encoder = new RowEncoder(TOPIC_LOGS, 0);
    const held = () => process.memoryUsage().arrayBuffers + encoder.sizeBytes;
    expect(codeOf(() => encoder.add(0, refused))).toBe('utf8_invalid');
    const before = held();
    for (let i = 0; i < 200; i += 1) codeOf(() => encoder.add(i, refused));
    expect(held() - before).toBeLessThan(16 * MIB);
  });
});

function attribute(key: string): Buffer {
  return field(6, field(1, key), field(2, field(1, 'v')));
}
