import type { WireReader } from '@flotilla/otlp';
import { writeExemplars } from './exemplars.ts';
import type { TableRows } from './table-rows.ts';
import { readTime } from './timestamp.ts';

const TWO_32 = 0x1_0000_0000;
const START = 0;
const TIME = 8;
const VALUE = 16;
const FLAGS = 24;

/** metrics.proto, NumberDataPoint; the point of a gauge and of a sum. */
export function encodeNumberPoint(reader: WireReader, rows: TableRows, shared: Uint8Array): void {
  const { writer, attributes } = rows;
  const at = rows.begin(shared);
  let exemplars: WireReader[] | null = null;
  attributes.begin();
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 2) {
      readTime(reader);
      writer.uint64At(at + START, reader.low, reader.high);
    } else if (field === 3) {
      readTime(reader);
      writer.uint64At(at + TIME, reader.low, reader.high);
    } else if (field === 4) {
      reader.fixed64Halves();
      writer.uint64At(at + VALUE, reader.low, reader.high);
    } else if (field === 6) writer.float64At(at + VALUE, readSigned(reader));
    else if (field === 7) attributes.add(reader);
    else if (field === 8) writer.uint32At(at + FLAGS, reader.uint32());
    else if (field === 5) (exemplars ??= []).push(reader.message());
    else reader.skip();
  }
  attributes.end();
  writeExemplars(exemplars, writer);
}

/** An sfixed64 as the nearest double. */
export function readSigned(reader: WireReader): number {
  reader.fixed64Halves();
  return (reader.high | 0) * TWO_32 + reader.low;
}
