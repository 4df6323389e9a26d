import type { WireReader } from '@flotilla/otlp';
import type { FixedColumn } from './columns/fixed-column.ts';
import type { MapColumn } from './columns/map-column.ts';
import { ExemplarColumns } from './exemplars.ts';
import { readSigned } from './signed.ts';
import type { TableRows } from './table-rows.ts';
import { readTime } from './timestamp.ts';

/** metrics.proto, NumberDataPoint; the points of gauges and of sums. */
export class NumberPoints {
  readonly #rows: TableRows;
  readonly #start: FixedColumn;
  readonly #time: FixedColumn;
  readonly #value: FixedColumn;
  readonly #flags: FixedColumn;
  readonly #attributes: MapColumn;
  readonly #exemplars: ExemplarColumns;

  constructor(rows: TableRows) {
    const { block } = rows;
    this.#rows = rows;
    this.#start = block.fixed('StartTimeUnix');
    this.#time = block.fixed('TimeUnix');
    this.#value = block.fixed('Value');
    this.#flags = block.fixed('Flags');
    this.#attributes = block.map('Attributes');
    this.#exemplars = new ExemplarColumns(block);
  }

  /** Adds a row for the message that the reader is in. */
  add(reader: WireReader): void {
    let startLow = 0;
    let startHigh = 0;
    let timeLow = 0;
    let timeHigh = 0;
    let valueLow = 0;
    let valueHigh = 0;
    let whole: number | null = null;
    let flags = 0;
    let hasExemplars = false;
    const attributes = this.#attributes;
    attributes.begin();
    for (let field = reader.next(); field !== 0; field = reader.next()) {
      if (field === 2) {
        readTime(reader);
        startLow = reader.low;
        startHigh = reader.high;
      } else if (field === 3) {
        readTime(reader);
        timeLow = reader.low;
        timeHigh = reader.high;
      } else if (field === 4) {
        reader.fixed64Halves();
        valueLow = reader.low;
        valueHigh = reader.high;
        whole = null;
      } else if (field === 6) whole = readSigned(reader);
      else if (field === 7) attributes.add(reader);
      else if (field === 8) flags = reader.uint32();
      else if (field === 5) {
        this.#exemplars.add(reader);
        hasExemplars = true;
      } else reader.skip();
    }
    attributes.end();
    this.#start.uint64(startLow, startHigh);
    this.#time.uint64(timeLow, timeHigh);
    if (whole === null) this.#value.uint64(valueLow, valueHigh);
    else this.#value.float64(whole);
    this.#flags.uint32(flags);
    if (hasExemplars) this.#exemplars.close(this.#rows.count);
    this.#rows.endRow();
  }
}
