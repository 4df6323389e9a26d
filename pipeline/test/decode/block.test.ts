import { WireReader, WireWriter } from '@flotilla/otlp';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Block } from '../../src/decode/block.ts';
import { readNativeBlock } from './native-block.ts';

const COLUMNS = [
  ['Number', 'UInt32'],
  ['Text', 'String'],
  ['Word', 'LowCardinality(String)'],
  ['Map', 'Map(LowCardinality(String), String)'],
  ['List', 'Array(String)'],
  ['Maps', 'Array(Map(LowCardinality(String), String))'],
] as const;

type Entries = readonly (readonly [key: string, value: string])[];
interface Row {
  readonly Number: number;
  readonly Text: string;
  readonly Word: string;
  readonly Map: Entries;
  readonly List: readonly string[];
  readonly Maps: readonly Entries[];
}

/** As a sender may write them: the last of equal keys counts, where the first stood. */
const lastOfEqual = (entries: Entries): Entries => [...new Map(entries)];

type MapColumn = ReturnType<Block['map']>;

function addMap(column: MapColumn, entries: Entries): void {
  const writer = new WireWriter(64);
  for (const [key, value] of entries) {
    const attribute = writer.begin(1);
    writer.string(1, key);
    const any = writer.begin(2);
    writer.string(1, value);
    writer.end(any);
    writer.end(attribute);
  }
  const reader = new WireReader(writer.finish());
  column.begin();
  while (reader.next() !== 0) column.add(reader);
  column.end();
}

/** Writes `row` `times` times, the lists each time. */
function addRow(block: Block, row: Row, times: number): void {
  const word = Buffer.from(row.Word);
  block.fixed('Number').uint32(row.Number);
  block.fixed('Number').repeatLast(times);
  block.text('Text').text(row.Text);
  block.text('Text').repeatLast(times);
  block.word('Word').bytesText(word, 0, word.length);
  block.word('Word').repeatLast(times);
  addMap(block.map('Map'), row.Map);
  block.map('Map').repeatLast(times);
  for (let i = 0; i < times; i += 1) {
    for (const text of row.List) block.textIn('List').text(text);
    block.list('List').end();
    for (const entries of row.Maps) addMap(block.mapsIn('Maps'), entries);
    block.list('Maps').end();
  }
}

const read = (block: Block, rowCount: number) =>
  readNativeBlock(Buffer.concat(block.parts(rowCount))).rows;
const asRead = ({ Map: entries, Maps, ...row }: Row) => ({
  ...row,
  Map: lastOfEqual(entries),
  Maps: Maps.map(lastOfEqual),
});

const text = fc.string({ unit: 'binary', maxLength: 70 }).map((s) => s.toWellFormed());
// Few keys, so that equal ones are common.
const key = fc.oneof(fc.constantFrom('a', 'b', 'c'), text);
const entries = fc.array(fc.tuple(key, text), { maxLength: 6 });
const row: fc.Arbitrary<Row> = fc.record({
  Number: fc.nat(),
  Text: text,
  Word: key,
  Map: entries,
  List: fc.array(text, { maxLength: 3 }),
  Maps: fc.array(entries, { maxLength: 2 }),
});
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ row, times: fc.nat(40) }) },
  { weight: 1, arbitrary: fc.constant('mark' as const) },
  { weight: 1, arbitrary: fc.constant('roll back' as const) },
);

describe('a block', () => {
  it('holds the rows written to it, repeated, taken back or picked', () => {
    fc.assert(
      fc.property(fc.array(step), fc.func(fc.boolean()), (steps, isKept) => {
        const block = new Block(COLUMNS);
        let rows: Row[] = [];
        let marked = 0;
        for (const taken of steps) {
          if (taken === 'mark') {
            block.mark();
            marked = rows.length;
          } else if (taken === 'roll back') {
            block.rollBack();
            rows = rows.slice(0, marked);
          } else {
            addRow(block, taken.row, taken.times);
            rows.push(...Array<Row>(taken.times).fill(taken.row));
          }
        }
        const kept = rows.filter((_, i) => isKept(i));
        const keep = Uint8Array.from(rows, (_, i) => (isKept(i) ? 1 : 0));
        expect(read(block, rows.length)).toEqual(rows.map(asRead));
        expect(read(block.select(keep), kept.length)).toEqual(kept.map(asRead));
      }),
      { numRuns: 60 },
    );
  }, 60_000);

  it('holds the rows of several blocks one after the other', () => {
    const rows = fc.array(row, { maxLength: 8 });
    fc.assert(
      fc.property(rows, fc.array(rows, { maxLength: 4 }), (first, others) => {
        const [block, ...following] = [first, ...others].map((written) => {
          const filled = new Block(COLUMNS);
          for (const each of written) addRow(filled, each, 1);
          return { block: filled, rowCount: written.length };
        });
        const joined = Buffer.concat(block!.block.parts(first.length, following));
        expect(readNativeBlock(joined).rows).toEqual([...first, ...others.flat()].map(asRead));
        // They stay as they were.
        expect(read(block!.block, first.length)).toEqual(first.map(asRead));
      }),
      { numRuns: 60 },
    );
  }, 60_000);

  it.each([1, 127, 128, 300, 66_000])('holds maps of %i keys', (count) => {
    const wide = Array.from({ length: count }, (_, i) => [`key ${i}`, `value ${i}`] as const);
    const block = new Block([['Map', 'Map(LowCardinality(String), String)']]);
    addMap(block.map('Map'), [...wide, ['key 0', 'again']]);
    addMap(block.map('Map'), wide.slice(0, 1));
    const expected = [['key 0', 'again'], ...wide.slice(1)];
    expect(read(block, 2).map(({ Map: map }) => map)).toEqual([expected, wide.slice(0, 1)]);
  });

  it('fills in lists that nobody wrote to', () => {
    const block = new Block([['List', 'Array(String)']]);
    block.textIn('List').text('late');
    block.list('List').close(3);
    expect(read(block, 5).map(({ List }) => List)).toEqual([[], [], [], ['late'], []]);
  });

  it('refuses to be written with columns of different length', () => {
    const block = new Block([
      ['A', 'String'],
      ['B', 'String'],
    ]);
    block.text('A').text('x');
    expect(() => block.parts(1)).toThrow('B has 0 values for 1 rows');
  });
});
