import type { WireReader } from '@flotilla/otlp';
import type { FixedColumn } from './columns/fixed-column.ts';
import type { ListColumn } from './columns/list-column.ts';
import type { MapColumn } from './columns/map-column.ts';
import { DistributionColumns } from './distribution-columns.ts';
import type { TableRows } from './table-rows.ts';

/** metrics.proto, SummaryDataPoint. */
export class SummaryPoints {
  readonly #rows: TableRows;
  readonly #common: DistributionColumns;
  readonly #lists: readonly ListColumn[];
  readonly #quantiles: FixedColumn;
  readonly #values: FixedColumn;
  readonly #attributes: MapColumn;

  constructor(rows: TableRows) {
    const { block } = rows;
    this.#rows = rows;
    this.#common = new DistributionColumns(block);
    const names = ['ValueAtQuantiles.Quantile', 'ValueAtQuantiles.Value'] as const;
    this.#lists = names.map((name) => block.list(name));
    this.#quantiles = block.fixedIn(names[0]);
    this.#values = block.fixedIn(names[1]);
    this.#attributes = block.map('Attributes');
  }

  /** Adds a row for the message that the reader is in. */
  add(reader: WireReader): void {
    const common = this.#common;
    common.begin();
    this.#attributes.begin();
    for (let field = reader.next(); field !== 0; field = reader.next()) {
      if (field >= 2 && field <= 5) common.read(field, reader);
      else if (field === 6) this.#addQuantile(reader);
      else if (field === 7) this.#attributes.add(reader);
      else if (field === 8) common.flags = reader.uint32();
      else reader.skip();
    }
    this.#attributes.end();
    common.end();
    for (const list of this.#lists) list.end();
    this.#rows.endRow();
  }

  #addQuantile(reader: WireReader): void {
    let quantile = 0;
    let value = 0;
    const outerEnd = reader.enter();
    for (let field = reader.next(); field !== 0; field = reader.next()) {
      if (field === 1) quantile = reader.double();
      else if (field === 2) value = reader.double();
      else reader.skip();
    }
    reader.leave(outerEnd);
    this.#quantiles.float64(quantile);
    this.#values.float64(value);
  }
}
