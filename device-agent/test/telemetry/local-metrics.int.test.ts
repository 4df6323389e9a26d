import { MeterProvider } from '@opentelemetry/sdk-metrics';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { LocalMetrics } from '../../src/telemetry/local-metrics.ts';

let local: LocalMetrics;
beforeEach(async () => {
  local = await LocalMetrics.listen(0);
});
afterEach(() => local.close());

const counted = (value: number) => {
  const provider = new MeterProvider({ readers: [local.newReader()] });
  provider.getMeter('test').createCounter('flotilla.agent.queue.lost').add(value, {
    'error.type': 'bytes',
  });
  return provider;
};

it('shows the instruments of the newest firmware version under Prometheus names', async () => {
  const before = counted(1);
  await before.shutdown();
  const now = counted(5);
  const text = await (await fetch(local.url)).text();
  expect(text).toMatch(/^flotilla_agent_queue_lost_total\{error_type="bytes".*\} 5 ?$/m);
  await now.shutdown();
});

it('has nothing to show before there is a version, and nothing at other paths', async () => {
  expect((await fetch(local.url)).status).toBe(404);
  counted(1);
  expect((await fetch(local.url.replace('/metrics', '/'))).status).toBe(404);
});
