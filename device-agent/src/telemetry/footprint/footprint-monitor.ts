import { availableParallelism } from 'node:os';
import {
  METRIC_AGENT_DEGRADATION,
  METRIC_PROCESS_CPU_UTILIZATION,
  METRIC_PROCESS_MEMORY_USAGE,
  METRIC_PROCESS_UPTIME,
} from '@flotilla/contracts';
import { ValueType, type Meter } from '@opentelemetry/api';
import {
  CALM,
  decideFootprint,
  degradationEffect,
  type FootprintBreach,
  type FootprintCeiling,
  type FootprintObservation,
} from '../domain/footprint-decision.ts';

export interface FootprintReading extends FootprintObservation {
  readonly level: number;
  readonly breaches: readonly FootprintBreach[];
}

export interface FootprintMonitorOptions {
  readonly ceiling: FootprintCeiling;
  readonly checkMs: number;
  readonly onChange: (reading: FootprintReading) => void;
  /** Instead of this process's own figures. */
  readonly usage?: () => ProcessUsage;
}

export interface ProcessUsage {
  readonly rssBytes: number;
  /** Of all threads since the start. */
  readonly cpuMs: number;
  /** On a clock that nobody sets. */
  readonly atMs: number;
}

/** Below it the share says more about chance than about the agent. */
const MIN_SPAN_MS = 100;

/** Watches what the agent itself uses, and holds it back while that is more than it may. */
export class FootprintMonitor {
  readonly #options: FootprintMonitorOptions;
  readonly #usage: () => ProcessUsage;
  #before: ProcessUsage;
  #cpuShare: number | null = null;
  #state = CALM;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: FootprintMonitorOptions) {
    this.#options = options;
    this.#usage = options.usage ?? ownUsage;
    this.#before = this.#usage();
  }

  start(): void {
    this.#timer = setInterval(() => this.check(), this.#options.checkMs);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  get thrift(): number {
    return degradationEffect(this.#state.level).thrift;
  }

  get intervalFactor(): number {
    return degradationEffect(this.#state.level).intervalFactor;
  }

  check(): void {
    const { ceiling, onChange } = this.#options;
    const { rssBytes } = this.#measure();
    const seen = { rssBytes, cpuShare: this.#cpuShare };
    const { state, breaches, changed } = decideFootprint(this.#state, seen, ceiling);
    this.#state = state;
    if (changed) onChange({ ...seen, level: state.level, breaches });
  }

  register(meter: Meter): void {
    meter
      .createObservableGauge(METRIC_PROCESS_CPU_UTILIZATION, { unit: '1' })
      .addCallback((result) => {
        if (this.#cpuShare !== null) result.observe(this.#cpuShare);
      });
    meter
      .createObservableUpDownCounter(METRIC_PROCESS_MEMORY_USAGE, {
        unit: 'By',
        valueType: ValueType.INT,
      })
      .addCallback((result) => result.observe(this.#usage().rssBytes));
    meter
      .createObservableGauge(METRIC_PROCESS_UPTIME, { unit: 's' })
      .addCallback((result) => result.observe(process.uptime()));
    meter
      .createObservableGauge(METRIC_AGENT_DEGRADATION, { unit: '1', valueType: ValueType.INT })
      .addCallback((result) => result.observe(this.#state.level));
  }

  #measure(): ProcessUsage {
    const usage = this.#usage();
    const spanMs = usage.atMs - this.#before.atMs;
    if (spanMs >= MIN_SPAN_MS) {
      const cpuMs = usage.cpuMs - this.#before.cpuMs;
      this.#cpuShare = cpuMs / spanMs / availableParallelism();
      this.#before = usage;
    }
    return usage;
  }
}

function ownUsage(): ProcessUsage {
  const { user, system } = process.cpuUsage();
  const rssBytes = process.memoryUsage.rss();
  return { rssBytes, cpuMs: (user + system) / 1000, atMs: performance.now() };
}
