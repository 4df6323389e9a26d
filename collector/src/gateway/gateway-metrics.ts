import { DROP_REASONS, OTLP_SIGNALS, type DiskQueue } from '@flotilla/otlp-queue';
import { collectDefaultMetrics, Counter, Gauge, type Registry } from 'prom-client';
import type { JournalMover, MoverCounts } from './journal-mover.ts';

const COUNTERS: readonly (readonly [keyof MoverCounts, string, string])[] = [
  ['receivedPoints', 'received_points', 'Data points read from local agents'],
  ['forwardedPoints', 'forwarded_points', 'Data points left after aggregation'],
  ['repeatedBatches', 'repeated_batches', 'Batches an agent sent more than once'],
  ['earlyIntervals', 'early_intervals', 'Intervals ended early by a bound'],
  ['unmergedPoints', 'unmerged_points', 'Cumulative points that kept attributes, for want of room'],
  ['undecoded', 'undecoded_requests', 'Requests forwarded as they came'],
];

/** Shows the queue and the aggregation at /metrics. */
export function addGatewayMetrics(registry: Registry, queue: DiskQueue, mover: JournalMover): void {
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const gauge = (name: string, help: string, read: () => number) =>
    new Gauge({
      name: `flotilla_gateway_${name}`,
      help,
      registers,
      collect() {
        this.set(read());
      },
    });
  gauge('queue_items', 'Requests waiting for the collector', () => queue.items);
  gauge('queue_size_bytes', 'Size of the waiting requests', () => queue.sizeBytes);
  gauge('series', 'Series held for the current interval', () => mover.series);
  gauge('aggregate_size_bytes', 'About what they weigh in memory', () => mover.sizeBytes);
  gauge(
    'counted_series',
    'Cumulative series known from interval to interval, for streams without dropped attributes',
    () => mover.countedSeries,
  );
  for (const [count, name, help] of COUNTERS) {
    new Counter({
      name: `flotilla_gateway_${name}_total`,
      help,
      registers,
      collect() {
        this.reset();
        this.inc(mover.counts[count]);
      },
    });
  }
  new Counter({
    name: 'flotilla_gateway_lost_total',
    help: 'Data points, log records and spans the queue gave up, by reason and signal',
    labelNames: ['reason', 'signal'],
    registers,
    collect() {
      const lost = queue.lost();
      this.reset();
      for (const reason of DROP_REASONS) {
        for (const signal of OTLP_SIGNALS) this.inc({ reason, signal }, lost[reason][signal]);
      }
    },
  });
}
