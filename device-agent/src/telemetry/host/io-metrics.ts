import { loadavg } from 'node:os';
import {
  METRIC_DISK_IO,
  METRIC_DISK_OPERATIONS,
  METRIC_LOAD_15M,
  METRIC_LOAD_1M,
  METRIC_LOAD_5M,
  METRIC_NETWORK_DROPPED,
  METRIC_NETWORK_ERRORS,
  METRIC_NETWORK_IO,
} from '@flotilla/contracts';
import { ValueType, type Meter } from '@opentelemetry/api';
import {
  ATTR_DISK_IO_DIRECTION,
  ATTR_NETWORK_INTERFACE_NAME,
  ATTR_NETWORK_IO_DIRECTION,
  ATTR_SYSTEM_DEVICE,
} from '@opentelemetry/semantic-conventions/incubating';
import { readDisks } from './disk-io.ts';
import { readNetwork } from './network.ts';

/** Reads a source; null when it fails, which is then logged already. */
export type Reading = <T>(source: string, read: () => Promise<T>) => Promise<T | null>;

const counter = (unit: string) => ({ unit, valueType: ValueType.INT });

export function registerLoad(meter: Meter): void {
  const gauges = [METRIC_LOAD_1M, METRIC_LOAD_5M, METRIC_LOAD_15M];
  for (const [index, name] of gauges.entries()) {
    meter.createObservableGauge(name, { unit: '{thread}' }).addCallback((result) => {
      // Windows has no load average and would always answer 0.
      if (process.platform !== 'win32') result.observe(loadavg()[index] ?? 0);
    });
  }
}

export function registerNetwork(meter: Meter, reading: Reading, procRoot?: string): void {
  const io = meter.createObservableCounter(METRIC_NETWORK_IO, counter('By'));
  const errors = meter.createObservableCounter(METRIC_NETWORK_ERRORS, counter('{error}'));
  const dropped = meter.createObservableCounter(METRIC_NETWORK_DROPPED, counter('{packet}'));
  meter.addBatchObservableCallback(
    async (result) => {
      for (const counters of (await reading('network', () => readNetwork(procRoot))) ?? []) {
        for (const direction of ['receive', 'transmit'] as const) {
          const attributes = {
            [ATTR_NETWORK_INTERFACE_NAME]: counters.name,
            [ATTR_NETWORK_IO_DIRECTION]: direction,
          };
          result.observe(io, counters[`${direction}Bytes`], attributes);
          result.observe(errors, counters[`${direction}Errors`], attributes);
          result.observe(dropped, counters[`${direction}Dropped`], attributes);
        }
      }
    },
    [io, errors, dropped],
  );
}

export function registerDisks(meter: Meter, reading: Reading, procRoot?: string): void {
  const io = meter.createObservableCounter(METRIC_DISK_IO, counter('By'));
  const operations = meter.createObservableCounter(METRIC_DISK_OPERATIONS, counter('{operation}'));
  meter.addBatchObservableCallback(
    async (result) => {
      for (const disk of (await reading('disk', () => readDisks(procRoot))) ?? []) {
        const read = { [ATTR_SYSTEM_DEVICE]: disk.device, [ATTR_DISK_IO_DIRECTION]: 'read' };
        const write = { [ATTR_SYSTEM_DEVICE]: disk.device, [ATTR_DISK_IO_DIRECTION]: 'write' };
        result.observe(io, disk.readBytes, read);
        result.observe(io, disk.writtenBytes, write);
        result.observe(operations, disk.reads, read);
        result.observe(operations, disk.writes, write);
      }
    },
    [io, operations],
  );
}
