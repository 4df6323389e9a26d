import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { UpdateReport } from '@flotilla/contracts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { writeThrough } from '../../src/disk/durable-step.ts';
import { OtaClient } from '../../src/ota/ota-client.ts';
import { ReportOutbox } from '../../src/ota/report-outbox.ts';
import { FakeOtaServer, TEST_TOKEN } from '../../src/testing/fake-ota-server.ts';
import { silent } from '../agent-bench.ts';

let deviceDir: string;
let server: FakeOtaServer;
let stop: AbortController;
beforeEach(async () => {
  deviceDir = mkdtempSync(join(tmpdir(), 'flotilla-outbox-'));
  server = await FakeOtaServer.start();
  stop = new AbortController();
});
afterEach(async () => {
  stop.abort();
  await server.stop();
  rmSync(deviceDir, { recursive: true, force: true });
});

async function open(): Promise<ReportOutbox> {
  const client = new OtaClient({
    baseUrl: server.url,
    token: TEST_TOKEN,
    requestTimeoutMs: 2_000,
    now: Date.now,
  });
  const backOff = { baseMs: 5, maxMs: 20 };
  return ReportOutbox.open({
    deviceDir,
    client,
    backOff,
    random: Math.random,
    step: writeThrough,
    logger: silent,
  });
}

function report(state: UpdateReport['state'] = 'downloading'): UpdateReport {
  return {
    reportId: randomUUID(),
    campaignId: 'cmp_000000000001',
    phase: 1,
    round: 1,
    state,
    fromVersion: null,
    toVersion: '1.0.0',
    transferBytes: 0,
    usedDelta: false,
    occurredAt: '2026-01-01T00:00:00.000Z',
  };
}

const saved = () =>
  (JSON.parse(readFileSync(join(deviceDir, 'outbox.json'), 'utf8')) as { reports: UpdateReport[] })
    .reports;

describe('the outbox', () => {
  it('keeps reports over a restart and sends them in order', async () => {
    const reports = [report(), report('installing'), report('trial')];
    const first = await open();
    for (const one of reports) await first.add(one);
    await first.add(reports[1]!);
    expect(saved()).toEqual(reports);
    const second = await open();
    const running = second.run(stop.signal);
    const late = report('confirmed');
    await second.add(late);
    await expect.poll(() => server.reports).toEqual([...reports, late]);
    await expect.poll(saved).toEqual([]);
    stop.abort();
    await running;
  });

  it.each([503, 500, 429, 408, 401])('keeps a report that is answered with %i', async (status) => {
    server.failWith = { status };
    const outbox = await open();
    const running = outbox.run(stop.signal);
    const one = report();
    await outbox.add(one);
    expect(saved()).toEqual([one]);
    server.failWith = null;
    await expect.poll(() => server.reports).toEqual([one]);
    stop.abort();
    await running;
  });

  it('waits at least as long as Retry-After says', async () => {
    server.failWith = { status: 503, retryAfter: '1' };
    const outbox = await open();
    const running = outbox.run(stop.signal);
    const since = Date.now();
    await outbox.add(report());
    await expect.poll(() => server.answered).toBeGreaterThan(0);
    server.failWith = null;
    await expect.poll(() => server.reports.length, { timeout: 5_000 }).toBe(1);
    expect(Date.now() - since).toBeGreaterThanOrEqual(1_000);
    stop.abort();
    await running;
  });

  it('drops what ota-service refuses for good and goes on', async () => {
    server.failWith = { status: 422 };
    const outbox = await open();
    const running = outbox.run(stop.signal);
    await outbox.add(report());
    await expect.poll(saved).toEqual([]);
    server.failWith = null;
    const next = report('confirmed');
    await outbox.add(next);
    await expect.poll(() => server.reports).toEqual([next]);
    stop.abort();
    await running;
  });

  it('is bounded, and keeps outcomes longest', async () => {
    const outbox = await open();
    const outcome = report('confirmed');
    await outbox.add(outcome);
    for (let count = 0; count < 505; count += 1) await outbox.add(report());
    expect(outbox.pending).toHaveLength(500);
    expect(outbox.pending[0]).toEqual(outcome);
  });
});
