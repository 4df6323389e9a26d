import { HEADER_BATCH_ID } from '@flotilla/contracts';
import { MemoryEventLog } from '@flotilla/event-log/testing';
import { createLogger } from '@flotilla/service';
import { Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import { CollectorMetrics } from '../../src/collector-metrics.ts';
import { TelemetryForwarder } from '../../src/forward/telemetry-forwarder.ts';
import { SIGNALS } from '../../src/receive/export-request.ts';

const [SIGNAL] = SIGNALS;
const bytes = (text: string) => Buffer.from(text);

async function batchIds(parts: { batchId: string | null; body: Uint8Array }[]): Promise<string[]> {
  const log = new MemoryEventLog();
  const forwarder = new TelemetryForwarder({
    log,
    metrics: new CollectorMetrics(new Registry()),
    logger: createLogger('collector', 'silent'),
    clock: () => 1_000,
  });
  for (const part of parts) await forwarder.forward(SIGNAL!, [{ deviceId: 'd', ...part }]);
  const consumer = await log.consumer('test', [SIGNAL!.topic]);
  const [partition] = await consumer.assignment();
  const records = await consumer.read(partition!, 0, { maxRecords: 10, maxBytes: 1e6 });
  return records.map(({ headers }) => headers[HEADER_BATCH_ID]!);
}

describe('a batch that its sender did not name', () => {
  it('has the same name when it is sent again', async () => {
    const [first, again, other] = await batchIds([
      { batchId: null, body: bytes('points') },
      { batchId: null, body: bytes('points') },
      { batchId: null, body: bytes('Points') },
    ]);
    expect(again).toBe(first);
    expect(other).not.toBe(first);
    expect(first).toMatch(/^[A-Za-z0-9._~-]{1,64}$/);
  });

  it('keeps the name a sender gave', async () => {
    expect(await batchIds([{ batchId: 'b-1', body: bytes('points') }])).toEqual(['b-1']);
  });
});
