import { uptime } from 'node:os';
import {
  METRIC_CPU_UTILIZATION,
  METRIC_FILESYSTEM_USAGE,
  METRIC_FILESYSTEM_UTILIZATION,
  METRIC_MEMORY_USAGE,
  METRIC_MEMORY_UTILIZATION,
  METRIC_TEMPERATURE,
  METRIC_UPTIME,
} from '@flotilla/contracts';
import type { Logger } from '@flotilla/service';
import {
  ValueType,
  type Attributes,
  type BatchObservableResult,
  type Meter,
} from '@opentelemetry/api';
import {
  ATTR_HW_ID,
  ATTR_HW_NAME,
  ATTR_SYSTEM_FILESYSTEM_MOUNTPOINT,
  ATTR_SYSTEM_FILESYSTEM_STATE,
  ATTR_SYSTEM_MEMORY_STATE,
} from '@opentelemetry/semantic-conventions/incubating';
import { CpuSource } from './cpu.ts';
import { registerDisks, registerLoad, registerNetwork, type Reading } from './io-metrics.ts';
import { readFilesystem } from './filesystem.ts';
import { readMemory } from './memory.ts';
import { readTemperatures } from './temperature.ts';

const BYTES = { unit: 'By', valueType: ValueType.INT };
const USED_MEMORY = { [ATTR_SYSTEM_MEMORY_STATE]: 'used' };
const FREE_MEMORY = { [ATTR_SYSTEM_MEMORY_STATE]: 'free' };

/**
 * The host's metrics under the names and units of the OTel system and hardware conventions. Shared
 * by the meters of all firmware versions, so that a switch does not lose the processor's baseline.
 */
export class HostMetrics {
  readonly #dataDir: string;
  readonly #mounts: readonly string[];
  readonly #logger: Logger;
  readonly #cpu = new CpuSource();
  readonly #failing = new Set<string>();

  /** `mounts`: file systems to measure beside the one of `dataDir`, under their `mountpoint`. */
  constructor(dataDir: string, mounts: readonly string[], logger: Logger) {
    this.#dataDir = dataDir;
    this.#mounts = mounts;
    this.#logger = logger;
  }

  /** Takes the baseline, so that the first collection can already tell a utilization. */
  async start(): Promise<void> {
    await this.#reading('cpu', () => this.#cpu.read());
  }

  register(meter: Meter): void {
    this.#registerCpu(meter);
    this.#registerMemory(meter);
    this.#registerFilesystem(meter);
    this.#registerUptime(meter);
    this.#registerTemperature(meter);
    registerLoad(meter);
    const reading: Reading = (source, read) => this.#reading(source, read);
    registerNetwork(meter, reading);
    registerDisks(meter, reading);
  }

  #registerCpu(meter: Meter): void {
    const utilization = meter.createObservableGauge(METRIC_CPU_UTILIZATION, { unit: '1' });
    utilization.addCallback(async (result) => {
      const value = await this.#reading('cpu', () => this.#cpu.read());
      if (value !== null) result.observe(value);
    });
  }

  #registerMemory(meter: Meter): void {
    const utilization = meter.createObservableGauge(METRIC_MEMORY_UTILIZATION, { unit: '1' });
    const usage = meter.createObservableUpDownCounter(METRIC_MEMORY_USAGE, BYTES);
    meter.addBatchObservableCallback(
      async (result) => {
        const use = await this.#reading('memory', readMemory);
        if (use === null) return;
        result.observe(utilization, use.usedBytes / use.totalBytes, USED_MEMORY);
        result.observe(usage, use.usedBytes, USED_MEMORY);
        result.observe(usage, use.totalBytes - use.usedBytes, FREE_MEMORY);
      },
      [utilization, usage],
    );
  }

  #registerFilesystem(meter: Meter): void {
    const utilization = meter.createObservableGauge(METRIC_FILESYSTEM_UTILIZATION, { unit: '1' });
    const usage = meter.createObservableUpDownCounter(METRIC_FILESYSTEM_USAGE, BYTES);
    const observe = async (result: BatchObservableResult, path: string, of: Attributes) => {
      const use = await this.#reading(`filesystem ${path}`, () => readFilesystem(path));
      if (use === null) return;
      const state = (value: string) => ({ ...of, [ATTR_SYSTEM_FILESYSTEM_STATE]: value });
      result.observe(utilization, use.utilization, state('used'));
      result.observe(usage, use.usedBytes, state('used'));
      result.observe(usage, use.freeBytes, state('free'));
      result.observe(usage, use.reservedBytes, state('reserved'));
    };
    meter.addBatchObservableCallback(
      async (result) => {
        await observe(result, this.#dataDir, {});
        for (const mount of this.#mounts) {
          await observe(result, mount, { [ATTR_SYSTEM_FILESYSTEM_MOUNTPOINT]: mount });
        }
      },
      [utilization, usage],
    );
  }

  #registerUptime(meter: Meter): void {
    meter
      .createObservableGauge(METRIC_UPTIME, { unit: 's' })
      .addCallback((result) => result.observe(uptime()));
  }

  #registerTemperature(meter: Meter): void {
    const temperature = meter.createObservableGauge(METRIC_TEMPERATURE, { unit: 'Cel' });
    temperature.addCallback(async (result) => {
      const readings = await this.#reading('temperature', () => readTemperatures());
      for (const { id, name, celsius } of readings ?? []) {
        result.observe(celsius, { [ATTR_HW_ID]: id, [ATTR_HW_NAME]: name });
      }
    });
  }

  /** Null when the source fails; said once, and once more when it works again. */
  async #reading<T>(source: string, read: () => Promise<T>): Promise<T | null> {
    try {
      const value = await read();
      if (this.#failing.delete(source)) this.#logger.info({ source }, 'host metric is back');
      return value;
    } catch (err) {
      if (!this.#failing.has(source)) {
        this.#failing.add(source);
        this.#logger.warn({ err, source }, 'host metric cannot be read');
      }
      return null;
    }
  }
}
