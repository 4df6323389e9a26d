import type { WireReader } from '@flotilla/otlp';
import type { Block } from './block.ts';
import type { FixedColumn } from './columns/fixed-column.ts';
import { readTime } from './timestamp.ts';

/** What points of histograms and summaries begin with, which number these fields alike. */
export class DistributionColumns {
  readonly #columns: readonly FixedColumn[];
  readonly #flags: FixedColumn;
  /** Halves of StartTimeUnix, TimeUnix, Count and Sum. */
  readonly #halves = new Uint32Array(8);
  flags = 0;

  constructor(block: Block) {
    const names = ['StartTimeUnix', 'TimeUnix', 'Count', 'Sum'];
    this.#columns = names.map((name) => block.fixed(name));
    this.#flags = block.fixed('Flags');
  }

  begin(): void {
    this.#halves.fill(0);
    this.flags = 0;
  }

  /** Reads field 2, 3, 4 or 5. */
  read(field: number, reader: WireReader): void {
    if (field <= 3) readTime(reader);
    else reader.fixed64Halves();
    this.#halves[field * 2 - 4] = reader.low;
    this.#halves[field * 2 - 3] = reader.high;
  }

  end(): void {
    const halves = this.#halves;
    for (const [i, column] of this.#columns.entries()) {
      column.uint64(halves[i * 2] ?? 0, halves[i * 2 + 1] ?? 0);
    }
    this.#flags.uint32(this.flags);
  }
}
