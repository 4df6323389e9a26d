import type { Logger } from '@flotilla/service';
import {
  AggregationTemporality,
  MetricReader,
  type ResourceMetrics,
} from '@opentelemetry/sdk-metrics';

const COLLECT_TIMEOUT_MS = 30_000;

export interface PacedMetricReaderOptions {
  readonly intervalMs: number;
  /** 1 or more; asked before each wait. */
  readonly factor: () => number;
  /** Durable when it returns; what it throws is logged. */
  readonly write: (metrics: ResourceMetrics) => void;
  readonly logger: Logger;
}

/**
 * Collects at an interval that may grow while it runs, which the SDK's own reader cannot. Cumulative:
 * a collection that is lost costs resolution, not counts.
 */
export class PacedMetricReader extends MetricReader {
  readonly #options: PacedMetricReaderOptions;
  #timer: NodeJS.Timeout | undefined;
  #collecting: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(options: PacedMetricReaderOptions) {
    super({ aggregationTemporalitySelector: () => AggregationTemporality.CUMULATIVE });
    this.#options = options;
  }

  protected override onInitialized(): void {
    this.#schedule();
  }

  /** A collection of its own, after one that is under way. */
  protected override async onForceFlush(): Promise<void> {
    this.#collecting = this.#collecting.then(() => this.#collectOnce());
    await this.#collecting;
  }

  protected override async onShutdown(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.onForceFlush();
  }

  #schedule(): void {
    const { intervalMs, factor } = this.#options;
    this.#timer = setTimeout(() => {
      void this.onForceFlush().then(() => {
        if (!this.#stopped) this.#schedule();
      });
    }, intervalMs * factor());
    this.#timer.unref();
  }

  async #collectOnce(): Promise<void> {
    const { write, logger } = this.#options;
    try {
      const collected = await this.collect({ timeoutMillis: COLLECT_TIMEOUT_MS });
      for (const err of collected.errors) logger.error({ err }, 'a metric could not be collected');
      if (collected.resourceMetrics.scopeMetrics.length > 0) write(collected.resourceMetrics);
    } catch (err) {
      logger.error({ err }, 'metrics were lost');
    }
  }
}
