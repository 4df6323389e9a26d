import {
  METRIC_FIRMWARE_RESTARTS,
  METRIC_FIRMWARE_UP,
  METRIC_QUEUE_DROPPED,
  METRIC_QUEUE_ITEMS,
  METRIC_QUEUE_SIZE,
} from '@flotilla/contracts';
import { DROP_REASONS, type DiskQueue } from '@flotilla/otlp-queue';
import type { Logger } from '@flotilla/service';
import { ValueType, type Meter } from '@opentelemetry/api';
import { ATTR_ERROR_TYPE } from '@opentelemetry/semantic-conventions';

/** What the agent knows of itself and of the firmware it runs. */
export class AgentMetrics {
  readonly #queue: DiskQueue;
  readonly #logger: Logger;
  /** Null until someone has looked: not observed is not the same as down. */
  #firmwareUp: boolean | null = null;

  constructor(queue: DiskQueue, logger: Logger) {
    this.#queue = queue;
    this.#logger = logger;
  }

  setFirmwareUp(up: boolean): void {
    this.#firmwareUp = up;
  }

  /**
   * Registers on the meter of one firmware version. Returns what counts a restart: the counter starts
   * at 0 with every version, since a crash of the old one says nothing about the new.
   */
  register(meter: Meter): () => void {
    const integer = { valueType: ValueType.INT };
    meter
      .createObservableGauge(METRIC_FIRMWARE_UP, { unit: '1', ...integer })
      .addCallback((result) => {
        if (this.#firmwareUp !== null) result.observe(this.#firmwareUp ? 1 : 0);
      });
    meter
      .createObservableGauge(METRIC_QUEUE_ITEMS, { unit: '{item}', ...integer })
      .addCallback((result) => result.observe(this.#queue.items));
    meter
      .createObservableGauge(METRIC_QUEUE_SIZE, { unit: 'By', ...integer })
      .addCallback((result) => result.observe(this.#queue.sizeBytes));
    meter
      .createObservableCounter(METRIC_QUEUE_DROPPED, { unit: '{item}', ...integer })
      .addCallback((result) => {
        const dropped = this.#dropped();
        if (dropped === null) return;
        for (const reason of DROP_REASONS) {
          result.observe(dropped[reason], { [ATTR_ERROR_TYPE]: reason });
        }
      });
    const restarts = meter.createCounter(METRIC_FIRMWARE_RESTARTS, {
      unit: '{restart}',
      ...integer,
    });
    // Without a first value there would be nothing to compare the second with.
    restarts.add(0);
    return () => restarts.add(1);
  }

  #dropped(): ReturnType<DiskQueue['dropped']> | null {
    try {
      return this.#queue.dropped();
    } catch (err) {
      this.#logger.error({ err }, 'telemetry queue could not be read');
      return null;
    }
  }
}
