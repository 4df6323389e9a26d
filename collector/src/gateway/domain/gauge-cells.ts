import type { HistogramPoint, NumberPoint } from '@flotilla/otlp';
import { CellMap } from './cell-map.ts';
import { mergeStatistics, statisticsOf, type GaugeStatistics } from './merge-points.ts';

/** A gauge's last value per series and interval, and what the values of the interval come to. */
export class GaugeCells {
  readonly #lasts = new CellMap<NumberPoint>();
  readonly #statistics = new Map<string, GaugeStatistics>();

  get size(): number {
    return this.#lasts.size;
  }

  get sizeBytes(): number {
    return this.#lasts.sizeBytes;
  }

  /** `summarised`: the sender keeps this gauge's statistics already, in a histogram beside it. */
  add(key: string, point: NumberPoint, summarised: boolean): void {
    this.#lasts.setIfLater(key, point);
    if (summarised) return;
    const before = this.#statistics.get(key);
    const statistics = statisticsOf(point);
    this.#statistics.set(
      key,
      before === undefined ? statistics : mergeStatistics(before, statistics),
    );
  }

  lasts(): NumberPoint[] {
    return this.#lasts.values();
  }

  /** Histograms without buckets: count, sum, least and greatest. */
  intervals(): HistogramPoint[] {
    return Array.from(this.#statistics, ([key, statistics]) => ({
      attributes: this.#lasts.get(key)?.attributes ?? [],
      ...statistics,
      bucketCounts: [],
      bounds: [],
      exemplars: [],
      flags: 0,
    }));
  }
}
