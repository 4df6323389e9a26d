import { createLogger } from '@flotilla/service';
import { MeterProvider } from '@opentelemetry/sdk-metrics';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { PacedMetricReader } from '../../src/telemetry/paced-metric-reader.ts';

let factor: number;
let collected: number;
let failing: boolean;
let provider: MeterProvider;
beforeEach(() => {
  vi.useFakeTimers();
  factor = 1;
  collected = 0;
  failing = false;
  const reader = new PacedMetricReader({
    intervalMs: 1000,
    factor: () => factor,
    write: () => {
      collected += 1;
      if (failing) throw new Error('disk full');
    },
    logger: createLogger('test', 'silent'),
  });
  provider = new MeterProvider({ readers: [reader] });
  provider.getMeter('test').createCounter('any').add(1);
});
afterEach(() => vi.useRealTimers());

it('collects less often while the factor is larger, and as before afterwards', async () => {
  await vi.advanceTimersByTimeAsync(3000);
  expect(collected).toBe(3);
  factor = 4;
  await vi.advanceTimersByTimeAsync(9000);
  // The wait that had begun is kept: after 1 s, then every 4 s.
  expect(collected).toBe(6);
  factor = 1;
  await vi.advanceTimersByTimeAsync(6000);
  expect(collected).toBe(9);
});

it('goes on after a collection that could not be written', async () => {
  failing = true;
  await vi.advanceTimersByTimeAsync(2000);
  expect(collected).toBe(2);
});

it('collects when it is flushed, and a last time when it stops', async () => {
  await provider.forceFlush();
  expect(collected).toBe(1);
  await provider.shutdown();
  expect(collected).toBe(2);
  await vi.advanceTimersByTimeAsync(10_000);
  expect(collected).toBe(2);
});
