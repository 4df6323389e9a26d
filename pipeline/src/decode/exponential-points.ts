import type { WireReader } from '@flotilla/otlp';
import type { FixedColumn } from './columns/fixed-column.ts';
import type { ListColumn } from './columns/list-column.ts';
import type { MapColumn } from './columns/map-column.ts';
import { DistributionColumns } from './distribution-columns.ts';
import { ExemplarColumns } from './exemplars.ts';
import type { TableRows } from './table-rows.ts';

/** metrics.proto, ExponentialHistogramDataPoint. */
export class ExponentialPoints {
  readonly #rows: TableRows;
  readonly #common: DistributionColumns;
  readonly #min: FixedColumn;
  readonly #max: FixedColumn;
  readonly #scale: FixedColumn;
  readonly #zeroCount: FixedColumn;
  readonly #positive: BucketColumns;
  readonly #negative: BucketColumns;
  readonly #attributes: MapColumn;
  readonly #exemplars: ExemplarColumns;

  constructor(rows: TableRows) {
    const { block } = rows;
    this.#rows = rows;
    this.#common = new DistributionColumns(block);
    this.#min = block.fixed('Min');
    this.#max = block.fixed('Max');
    this.#scale = block.fixed('Scale');
    this.#zeroCount = block.fixed('ZeroCount');
    const buckets = (sign: string) =>
      new BucketColumns(
        block.fixed(`${sign}Offset`),
        block.list(`${sign}BucketCounts`),
        block.fixedIn(`${sign}BucketCounts`),
      );
    this.#positive = buckets('Positive');
    this.#negative = buckets('Negative');
    this.#attributes = block.map('Attributes');
    this.#exemplars = new ExemplarColumns(block);
  }

  /** Adds a row for the message that the reader is in. */
  add(reader: WireReader): void {
    let min = 0;
    let max = 0;
    let scale = 0;
    let zeroLow = 0;
    let zeroHigh = 0;
    let hasExemplars = false;
    const common = this.#common;
    common.begin();
    this.#positive.begin();
    this.#negative.begin();
    this.#attributes.begin();
    for (let field = reader.next(); field !== 0; field = reader.next()) {
      if (field >= 2 && field <= 5) common.read(field, reader);
      else if (field === 1) this.#attributes.add(reader);
      else if (field === 6) scale = reader.sint32();
      else if (field === 7) {
        reader.fixed64Halves();
        zeroLow = reader.low;
        zeroHigh = reader.high;
      } else if (field === 8) this.#positive.read(reader);
      else if (field === 9) this.#negative.read(reader);
      else if (field === 10) common.flags = reader.uint32();
      else if (field === 11) {
        this.#exemplars.add(reader);
        hasExemplars = true;
      } else if (field === 12) min = reader.double();
      else if (field === 13) max = reader.double();
      else reader.skip();
    }
    this.#attributes.end();
    common.end();
    this.#min.float64(min);
    this.#max.float64(max);
    this.#scale.uint32(scale);
    this.#zeroCount.uint64(zeroLow, zeroHigh);
    this.#positive.end();
    this.#negative.end();
    if (hasExemplars) this.#exemplars.close(this.#rows.count);
    this.#rows.endRow();
  }
}

/** metrics.proto, Buckets. */
class BucketColumns {
  readonly #offset: FixedColumn;
  readonly #list: ListColumn;
  readonly #counts: FixedColumn;
  #lastOffset = 0;

  constructor(offset: FixedColumn, list: ListColumn, counts: FixedColumn) {
    this.#offset = offset;
    this.#list = list;
    this.#counts = counts;
  }

  begin(): void {
    this.#lastOffset = 0;
  }

  read(reader: WireReader): void {
    const outerEnd = reader.enter();
    for (let field = reader.next(); field !== 0; field = reader.next()) {
      if (field === 1) this.#lastOffset = reader.sint32();
      else if (field === 2) this.#readCounts(reader);
      else reader.skip();
    }
    reader.leave(outerEnd);
  }

  #readCounts(reader: WireReader): void {
    const counts = this.#counts;
    reader.eachVarint(() => counts.uint64(reader.low, reader.high));
  }

  end(): void {
    this.#offset.uint32(this.#lastOffset);
    this.#list.end();
  }
}
