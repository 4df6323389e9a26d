import type { WireReader } from '@flotilla/otlp';
import type { FixedColumn } from './columns/fixed-column.ts';
import type { ListColumn } from './columns/list-column.ts';
import type { MapColumn } from './columns/map-column.ts';
import { DistributionColumns } from './distribution-columns.ts';
import { ExemplarColumns } from './exemplars.ts';
import type { TableRows } from './table-rows.ts';

/** metrics.proto, HistogramDataPoint. */
export class HistogramPoints {
  readonly #rows: TableRows;
  readonly #common: DistributionColumns;
  readonly #min: FixedColumn;
  readonly #max: FixedColumn;
  readonly #lists: readonly ListColumn[];
  readonly #counts: FixedColumn;
  readonly #bounds: FixedColumn;
  readonly #attributes: MapColumn;
  readonly #exemplars: ExemplarColumns;

  constructor(rows: TableRows) {
    const { block } = rows;
    this.#rows = rows;
    this.#common = new DistributionColumns(block);
    this.#min = block.fixed('Min');
    this.#max = block.fixed('Max');
    this.#lists = [block.list('BucketCounts'), block.list('ExplicitBounds')];
    this.#counts = block.fixedIn('BucketCounts');
    this.#bounds = block.fixedIn('ExplicitBounds');
    this.#attributes = block.map('Attributes');
    this.#exemplars = new ExemplarColumns(block);
  }

  /** Adds a row for the message that the reader is in. */
  add(reader: WireReader): void {
    let min = 0;
    let max = 0;
    let hasExemplars = false;
    const common = this.#common;
    common.begin();
    this.#attributes.begin();
    for (let field = reader.next(); field !== 0; field = reader.next()) {
      if (field >= 2 && field <= 5) common.read(field, reader);
      else if (field === 6) copyList(reader, this.#counts);
      else if (field === 7) copyList(reader, this.#bounds);
      else if (field === 8) {
        this.#exemplars.add(reader);
        hasExemplars = true;
      } else if (field === 9) this.#attributes.add(reader);
      else if (field === 10) common.flags = reader.uint32();
      else if (field === 11) min = reader.double();
      else if (field === 12) max = reader.double();
      else reader.skip();
    }
    this.#attributes.end();
    common.end();
    this.#min.float64(min);
    this.#max.float64(max);
    for (const list of this.#lists) list.end();
    if (hasExemplars) this.#exemplars.close(this.#rows.count);
    this.#rows.endRow();
  }
}

/** Both sides keep the values in the same 8 bytes. */
function copyList(reader: WireReader, into: FixedColumn): void {
  const start = reader.fixed64Span();
  into.raw(reader.source, start, reader.spanLength);
}
