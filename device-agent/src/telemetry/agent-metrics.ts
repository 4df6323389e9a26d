import {
  ATTR_RESTART_CAUSE,
  ATTR_SIGNAL,
  ATTR_UPDATE_WAIT_REASON,
  METRIC_AGENT_RESTARTS,
  METRIC_FIRMWARE_RESTARTS,
  METRIC_FIRMWARE_UP,
  METRIC_QUEUE_DROPPED,
  METRIC_QUEUE_ITEMS,
  METRIC_QUEUE_LOST,
  METRIC_QUEUE_SIZE,
  METRIC_UPDATE_WAITING,
  type UpdateWaitReason,
} from '@flotilla/contracts';
import {
  DROP_REASONS,
  type DiskQueue,
  type DropCounts,
  type LostCounts,
} from '@flotilla/otlp-queue';
import type { Logger } from '@flotilla/service';
import { ValueType, type Meter } from '@opentelemetry/api';
import { ATTR_ERROR_TYPE } from '@opentelemetry/semantic-conventions';
import { RESTART_CAUSES, type RunCounter } from './run-counter.ts';

/** Those that an agent sends. */
const SIGNALS = ['metrics', 'logs'] as const;

/** What the agent knows of itself and of the firmware it runs. */
export class AgentMetrics {
  readonly #queue: DiskQueue;
  readonly #runs: RunCounter;
  readonly #logger: Logger;
  /** Null until someone has looked: not observed is not the same as down. */
  #firmwareUp: boolean | null = null;
  #updateWait: UpdateWaitReason | null = null;
  /** Since the agent started: a series that has begun has to be told that its wait is over. */
  readonly #waitedFor = new Set<UpdateWaitReason>();

  constructor(queue: DiskQueue, runs: RunCounter, logger: Logger) {
    this.#queue = queue;
    this.#runs = runs;
    this.#logger = logger;
  }

  setFirmwareUp(up: boolean): void {
    this.#firmwareUp = up;
  }

  setUpdateWait(reason: UpdateWaitReason | null): void {
    this.#updateWait = reason;
    if (reason !== null) this.#waitedFor.add(reason);
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
      .createObservableGauge(METRIC_UPDATE_WAITING, { unit: '1', ...integer })
      .addCallback((result) => {
        for (const reason of this.#waitedFor) {
          const isIt = reason === this.#updateWait;
          result.observe(isIt ? 1 : 0, { [ATTR_UPDATE_WAIT_REASON]: reason });
        }
      });
    this.#registerQueue(meter);
    meter
      .createObservableCounter(METRIC_AGENT_RESTARTS, { unit: '{restart}', ...integer })
      .addCallback((result) => {
        for (const cause of RESTART_CAUSES) {
          result.observe(this.#runs.restarts[cause], { [ATTR_RESTART_CAUSE]: cause });
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

  #registerQueue(meter: Meter): void {
    const counted = (unit: string) => ({ unit, valueType: ValueType.INT });
    meter
      .createObservableGauge(METRIC_QUEUE_ITEMS, counted('{item}'))
      .addCallback((result) => result.observe(this.#queue.items));
    meter
      .createObservableGauge(METRIC_QUEUE_SIZE, counted('By'))
      .addCallback((result) => result.observe(this.#queue.sizeBytes));
    const dropped = meter.createObservableCounter(METRIC_QUEUE_DROPPED, counted('{item}'));
    const lost = meter.createObservableCounter(METRIC_QUEUE_LOST, counted('{entry}'));
    meter.addBatchObservableCallback(
      (result) => {
        const counts = this.#givenUp();
        if (counts === null) return;
        for (const reason of DROP_REASONS) {
          const attributes = { [ATTR_ERROR_TYPE]: reason };
          result.observe(dropped, counts.dropped[reason], attributes);
          for (const signal of SIGNALS) {
            const entries = counts.lost[reason][signal];
            result.observe(lost, entries, { ...attributes, [ATTR_SIGNAL]: signal });
          }
        }
      },
      [dropped, lost],
    );
  }

  #givenUp(): { dropped: DropCounts; lost: LostCounts } | null {
    try {
      return { dropped: this.#queue.dropped(), lost: this.#queue.lost() };
    } catch (err) {
      this.#logger.error({ err }, 'telemetry queue could not be read');
      return null;
    }
  }
}
