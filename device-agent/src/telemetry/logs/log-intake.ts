import {
  ATTR_DROP_REASON,
  ATTR_LOG_ADJUSTED_COUNT,
  ATTR_LOG_SEVERITY,
  METRIC_LOGS_DROPPED,
  METRIC_LOGS_SEEN,
} from '@flotilla/contracts';
import type { QueueMark } from '@flotilla/otlp-queue';
import { ValueType, type LogRecord, type Meter } from '@opentelemetry/api';
import {
  afterUpdateReport,
  isInWindow,
  type CanaryRules,
  type CanaryWindow,
} from '../domain/canary-window.ts';
import { LOG_DROP_REASONS, type SamplingRules } from '../domain/sampling-decision.ts';
import { LogSampler } from './log-sampler.ts';
import type { LogSink, SourceRecord } from './log-sink.ts';

export interface LogIntakeOptions {
  readonly rules: SamplingRules;
  readonly canary: CanaryRules;
  readonly now: () => number;
  readonly random: () => number;
  readonly thrift: () => number;
  readonly hasRoom: () => boolean;
  /** From an earlier run. */
  readonly window: CanaryWindow | null;
  /** Records and mark durable together when it returns, neither when it throws. */
  readonly writeDurably: (records: readonly LogRecord[], mark: QueueMark) => void;
}

/** Every log record that is not an event of the agent's own comes through here and is sampled. */
export class LogIntake implements LogSink {
  readonly #options: LogIntakeOptions;
  readonly #sampler: LogSampler;
  #window: CanaryWindow | null;

  constructor(options: LogIntakeOptions) {
    this.#options = options;
    const { rules, canary, now, random, thrift } = options;
    this.#window = options.window;
    this.#sampler = new LogSampler({
      rules,
      monotonicNow: () => performance.now(),
      random,
      thrift,
      isCanaryWindow: () => isInWindow(this.#window, canary, now()),
    });
  }

  /** Opens the canary window with a trial, and sets its end with the outcome. Returns what to keep of it. */
  updateReported(state: string): CanaryWindow | null {
    const { canary, now } = this.#options;
    this.#window = afterUpdateReport(this.#window, state, canary, now());
    return this.#window;
  }

  hasRoom(): boolean {
    return this.#options.hasRoom();
  }

  write(records: readonly SourceRecord[], mark: QueueMark): void {
    const undo = this.#sampler.checkpoint();
    try {
      this.#options.writeDurably(
        records.flatMap((source) => this.admit(source) ?? []),
        mark,
      );
    } catch (error) {
      undo();
      throw error;
    }
  }

  /** The record as it is to be sent, null when it is left out. */
  admit({ record, rateKey, sampleKey }: SourceRecord): LogRecord | null {
    const severityNumber = record.severityNumber ?? 0;
    const adjustedCount = this.#sampler.sample({ severityNumber, rateKey, sampleKey });
    if (adjustedCount === null) return null;
    if (adjustedCount === 1) return record;
    const attributes = { ...record.attributes, [ATTR_LOG_ADJUSTED_COUNT]: adjustedCount };
    return { ...record, attributes };
  }

  register(meter: Meter): void {
    const unit = { unit: '{record}', valueType: ValueType.INT };
    const seen = meter.createObservableCounter(METRIC_LOGS_SEEN, unit);
    const dropped = meter.createObservableCounter(METRIC_LOGS_DROPPED, unit);
    meter.addBatchObservableCallback(
      (result) => {
        for (const [severity, counts] of this.#sampler.counts()) {
          if (counts.seen === 0) continue;
          const attributes = { [ATTR_LOG_SEVERITY]: severity };
          result.observe(seen, counts.seen, attributes);
          for (const reason of LOG_DROP_REASONS) {
            const count = counts.dropped[reason];
            if (count > 0)
              result.observe(dropped, count, { ...attributes, [ATTR_DROP_REASON]: reason });
          }
        }
      },
      [seen, dropped],
    );
  }
}
