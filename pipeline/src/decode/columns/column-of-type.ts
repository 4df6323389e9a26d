import type { Column } from './column.ts';
import { FixedColumn } from './fixed-column.ts';
import { ListColumn } from './list-column.ts';
import { MapColumn } from './map-column.ts';
import { TextColumn } from './text-column.ts';
import { WordColumn } from './word-column.ts';

const WIDTH_BYTES: Readonly<Record<string, number>> = {
  Bool: 1,
  UInt8: 1,
  UInt32: 4,
  Int32: 4,
  UInt64: 8,
  Float64: 8,
  'DateTime64(9)': 8,
  'DateTime64(3)': 8,
};

/** An empty column of a type that one of our tables has. */
export function columnOfType(type: string): Column {
  const width = WIDTH_BYTES[type];
  if (width !== undefined) return new FixedColumn(width);
  if (type === 'String') return new TextColumn();
  if (type === 'LowCardinality(String)') return new WordColumn();
  if (type === 'Map(LowCardinality(String), String)') return new MapColumn();
  const element = /^Array\((.*)\)$/.exec(type)?.[1];
  if (element === undefined) throw new RangeError(`no column of type ${type}`);
  return new ListColumn([columnOfType(element)]);
}
