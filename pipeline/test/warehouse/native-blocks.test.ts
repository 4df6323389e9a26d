import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nativeForRevision } from '../../src/warehouse/native-blocks.ts';
import { UnknownNativeTypeError } from '../../src/warehouse/native-type.ts';

const BLOCK_INFO = [1, 0, 2, 0xff, 0xff, 0xff, 0xff, 0];

/** Text and lengths below 128, as the Native format writes them. */
const text = (value: string) => [value.length, ...Buffer.from(value)];
const block = (rows: number, ...columns: (readonly number[])[]) => [
  columns.length,
  rows,
  ...columns.flat(),
];
const uint64 = (value: number) => [value, 0, 0, 0, 0, 0, 0, 0];
const column = (type: string, data: readonly number[]) => [...text('c'), ...text(type), ...data];
const marked = (type: string, data: readonly number[]) => [...text('c'), ...text(type), 0, ...data];

describe('nativeForRevision', () => {
  it('leaves a client that names no revision the blocks as they are', () => {
    const bytes = Buffer.from(block(1, column('UInt8', [7])));
    expect(nativeForRevision(bytes, 0)).toBe(bytes);
  });

  it('writes block information alone for a revision before custom serialisations', () => {
    const bytes = block(1, column('UInt8', [7]));
    expect([...nativeForRevision(Buffer.from(bytes), 54_453)]).toEqual([...BLOCK_INFO, ...bytes]);
  });

  it.each([
    ['UInt8', 2, [1, 2]],
    ["DateTime64(9, 'UTC')", 1, uint64(5)],
    ['Decimal(38, 3)', 1, [...uint64(1), ...uint64(0)]],
    ['FixedString(3)', 2, [1, 2, 3, 4, 5, 6]],
    ["Enum8('a,(' = 1, 'it\\'s)' = 2)", 1, [1]],
    ['String', 2, [1, 65, 2, 66, 67]],
    ['Nullable(UInt16)', 2, [1, 0, 0, 0, 7, 0]],
    ['Array(UInt8)', 2, [...uint64(1), ...uint64(3), 1, 2, 3]],
    ['Array(Array(String))', 1, [...uint64(2), ...uint64(0), ...uint64(1), 1, 65]],
    ['Tuple(a UInt8, `b c(` Nullable(String))', 1, [9, 0, 1, 65]],
    ['Tuple()', 2, [48, 48]],
    ['Map(String, UInt8)', 1, [...uint64(1), 1, 65, 7]],
    ['SimpleAggregateFunction(sum, UInt64)', 1, uint64(3)],
    [
      'LowCardinality(Nullable(String))',
      2,
      [...uint64(1), 0, 2, ...uint64(0).slice(2), ...uint64(2), 0, 1, 65, ...uint64(2), 0, 1],
    ],
    ['Map(LowCardinality(String), String)', 1, [...uint64(1), ...uint64(0)]],
  ] as const)('marks a column of %s and finds the next block behind it', (type, rows, data) => {
    const plain = [...block(rows, column(type, data)), ...block(1, column('UInt8', [7]))];
    const answer = nativeForRevision(Buffer.from(plain), 54_460);
    expect([...answer]).toEqual([
      ...[...BLOCK_INFO, ...block(rows, marked(type, data))],
      ...[...BLOCK_INFO, ...block(1, marked('UInt8', [7]))],
    ]);
  });

  it('takes a block of columns without rows, which have no data at all', () => {
    const type = 'LowCardinality(String)';
    const answer = nativeForRevision(Buffer.from(block(0, column(type, []))), 54_460);
    expect([...answer]).toEqual([...BLOCK_INFO, ...block(0, marked(type, []))]);
  });

  it.each(['Dynamic', 'AggregateFunction(sum, UInt64)', 'Array(JSON)'])(
    'says that it does not know %s rather than guess where it ends',
    (type) => {
      const bytes = Buffer.from(block(1, column(type, [0, 0, 0, 0])));
      expect(() => nativeForRevision(bytes, 54_460)).toThrow(UnknownNativeTypeError);
    },
  );

  it('does not read past the end of a block that is cut short', () => {
    const whole = block(
      2,
      column('Map(LowCardinality(String), String)', [
        ...[...uint64(1), ...uint64(1), ...uint64(2), 0, 2, ...uint64(0).slice(2)],
        ...[...uint64(1), 1, 65, ...uint64(2), 0, 0, 1, 66, 1, 67],
      ]),
    );
    expect(nativeForRevision(Buffer.from(whole), 54_460)).toHaveLength(whole.length + 9);
    fc.assert(
      fc.property(fc.integer({ min: 1, max: whole.length - 1 }), (length) => {
        const cut = Buffer.from(whole.slice(0, length));
        expect(() => nativeForRevision(cut, 54_460)).toThrow(RangeError);
      }),
    );
  });
});
