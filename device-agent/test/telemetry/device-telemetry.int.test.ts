import { mkdtempSync, rmSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { EVENT_FIRMWARE_CRASH, EVENT_UPDATE, type UpdateReport } from '@flotilla/contracts';
import {
  holdWriteLock,
  startFakeCollector,
  type FakeCollector,
} from '@flotilla/otlp-queue/testing';
import { DiskQueue } from '@flotilla/otlp-queue';
import { createLogger } from '@flotilla/service';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  createDeviceTelemetry,
  type DeviceTelemetryOptions,
} from '../../src/telemetry/create-device-telemetry.ts';
import type { DeviceTelemetry } from '../../src/telemetry/device-telemetry.ts';
import { DEFAULT_SAMPLING } from '../../src/telemetry/logs/log-sampler.ts';
import { RunCounter } from '../../src/telemetry/run-counter.ts';
import { TelemetryWriteError } from '../../src/telemetry/queue-writer.ts';
import { decodeLogs, decodePoints } from '../../src/telemetry/testing/decode-otlp.ts';

/** Generous: other work may hold the disk. */
const eventually = (check: () => void) => vi.waitFor(check, { timeout: 15_000, interval: 20 });
const logger = createLogger('test', 'silent');
const report: UpdateReport = {
  reportId: '3f0c8c06-7d34-4a52-9d5f-0f3a4f4f1c11',
  campaignId: 'cmp_0123456789ab',
  phase: 1,
  round: 2,
  state: 'rolled_back',
  reason: 'trial_crashed',
  detail: 'exit code 1 after 3 s',
  fromVersion: '1.1.0',
  toVersion: '1.2.0',
  transferBytes: 5321,
  usedDelta: true,
  occurredAt: '2026-03-04T05:06:07.089Z',
};

let dataDir: string;
let collector: FakeCollector;
let running: DeviceTelemetry[];

beforeEach(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'flotilla-telemetry-'));
  collector = await startFakeCollector();
  running = [];
});
afterEach(async () => {
  await Promise.all(running.map((telemetry) => telemetry.stop()));
  await collector.close();
  rmSync(dataDir, { recursive: true });
});

async function start(overrides: Partial<DeviceTelemetryOptions> = {}) {
  const telemetry = await createDeviceTelemetry({
    dataDir,
    deviceId: 'device-7',
    model: 'sensor-a',
    collectorUrl: collector.url,
    token: 'secret',
    metricsIntervalMs: 60_000,
    logger,
    ...overrides,
  });
  running.push(telemetry);
  return telemetry;
}
const logs = () =>
  collector.accepted.filter((r) => r.path === '/v1/logs').flatMap((r) => decodeLogs(r.body));
/** Requests may overtake each other on their way; the records' own times tell the order. */
const logsInTime = () =>
  logs().toSorted((a, b) => Number(a.observedTimeUnixNano - b.observedTimeUnixNano));
/** A clock that never tells a time twice. */
function ticking(): () => number {
  let nowMs = Date.now();
  return () => (nowMs += 1);
}
const points = () =>
  collector.accepted.filter((r) => r.path === '/v1/metrics').flatMap((r) => decodePoints(r.body));
/** As counted last. */
function restarts(): Record<string, number> {
  const counted = points().filter(({ name }) => name === 'flotilla.agent.restarts');
  return Object.fromEntries(
    counted.map(({ attributes, value }) => [
      String(attributes['flotilla.agent.restart.cause']),
      value,
    ]),
  );
}

describe('device telemetry', () => {
  it('sends an update report as the event the contract describes', async () => {
    const telemetry = await start();
    await telemetry.setFirmwareVersion('1.1.0');
    await telemetry.recordUpdate(report);
    await eventually(() => expect(logs()).toHaveLength(1));
    expect(logs()[0]).toMatchObject({
      eventName: EVENT_UPDATE,
      timeUnixNano: BigInt(Date.parse(report.occurredAt)) * 1_000_000n,
      severityNumber: 17,
      severityText: 'ERROR',
      body: 'update 1.1.0 -> 1.2.0: rolled_back (exit code 1 after 3 s)',
      attributes: {
        'flotilla.report.id': report.reportId,
        'flotilla.campaign.id': 'cmp_0123456789ab',
        'flotilla.campaign.phase': 1,
        'flotilla.campaign.round': 2,
        'flotilla.update.state': 'rolled_back',
        'flotilla.update.outcome': 'rolled_back',
        'flotilla.update.reason': 'trial_crashed',
        'flotilla.update.from_version': '1.1.0',
        'flotilla.update.to_version': '1.2.0',
        'flotilla.update.transfer_bytes': 5321,
        'flotilla.update.used_delta': true,
      },
      resource: {
        'device.id': 'device-7',
        'device.model.identifier': 'sensor-a',
        'service.name': 'flotilla-device',
        'service.version': '1.1.0',
        'host.name': hostname(),
        'os.type': process.platform,
      },
    });
    await eventually(() => expect(telemetry.lastAcknowledgedAtMs()).not.toBeNull());
  });

  it('gives each state of an update its severity', async () => {
    const telemetry = await start({ clock: ticking() });
    for (const state of ['trial', 'confirmed', 'failed', 'rolled_back'] as const) {
      await telemetry.recordUpdate({ ...report, state });
    }
    await telemetry.flush();
    expect(logsInTime().map((log) => log.severityText)).toEqual(['INFO', 'INFO', 'WARN', 'ERROR']);
  });

  it('says whether an update waits, and for what', async () => {
    const telemetry = await start();
    for (const reason of ['window', 'battery', null] as const) {
      telemetry.setUpdateWait(reason);
      await telemetry.flush();
    }
    const waiting = points().filter(({ name }) => name === 'flotilla.update.waiting');
    const told = waiting.map((point) => [
      point.attributes['flotilla.update.wait.reason'],
      point.value,
    ]);
    const [first, ...later] = told;
    expect(first).toEqual(['window', 1]);
    expect(later).toEqual([
      ['window', 0],
      ['battery', 1],
      ['window', 0],
      ['battery', 0],
    ]);
  });

  it('measures the host and the agent in the units of the conventions', async () => {
    const telemetry = await start();
    telemetry.setFirmwareUp(true);
    await telemetry.flush();
    const byName = new Map(points().map((point) => [point.name, point]));
    expect(byName.get('system.memory.utilization')).toMatchObject({ kind: 'gauge', unit: '1' });
    expect(byName.get('system.memory.usage')).toMatchObject({ kind: 'sum', unit: 'By' });
    expect(byName.get('system.filesystem.utilization')).toMatchObject({ kind: 'gauge', unit: '1' });
    expect(byName.get('system.filesystem.usage')).toMatchObject({ kind: 'sum', monotonic: false });
    expect(byName.get('system.uptime')).toMatchObject({ kind: 'gauge', unit: 's' });
    expect(byName.get('flotilla.firmware.up')).toMatchObject({ kind: 'gauge', value: 1 });
    expect(byName.get('flotilla.firmware.restarts')).toMatchObject({
      kind: 'sum',
      monotonic: true,
      temporality: 2,
      value: 0,
    });
    expect(byName.get('flotilla.agent.queue.items')).toMatchObject({ kind: 'gauge' });
    for (const name of ['system.memory.utilization', 'system.filesystem.utilization']) {
      const { value } = byName.get(name)!;
      expect(value).toBeGreaterThan(0);
      expect(value).toBeLessThanOrEqual(1);
    }
    expect(byName.get('system.uptime')!.value).toBeGreaterThan(1);
    expect(
      points()
        .filter(({ name }) => name === 'flotilla.agent.queue.dropped')
        .map(({ attributes, value }) => [attributes['error.type'], value]),
    ).toEqual([
      ['bytes', 0],
      ['age', 0],
      ['refused', 0],
      ['unwritable', 0],
    ]);
  });

  it('says nothing of the firmware before anyone has looked', async () => {
    const telemetry = await start();
    await telemetry.flush();
    expect(points().length).toBeGreaterThan(0);
    expect(points().map(({ name }) => name)).not.toContain('flotilla.firmware.up');
    expect(points()[0]!.resource).not.toHaveProperty('service.version');
  });

  it('collects at its interval', async () => {
    await start({ metricsIntervalMs: 100 });
    await eventually(() =>
      expect(points().map(({ name }) => name)).toContain('system.cpu.utilization'),
    );
    const utilization = points().find(({ name }) => name === 'system.cpu.utilization')!;
    expect(utilization.unit).toBe('1');
    expect(utilization.value).toBeGreaterThanOrEqual(0);
    expect(utilization.value).toBeLessThanOrEqual(1);
  });

  it('speaks for the old version up to the switch and for the new one after it', async () => {
    const telemetry = await start({ clock: ticking() });
    await telemetry.setFirmwareVersion('1.0.0');
    telemetry.log('info', 'old');
    telemetry.recordFirmwareCrash({ version: '1.0.0', exitCode: 3, signal: null, uptimeMs: 1500 });
    const switched = telemetry.setFirmwareVersion('1.1.0');
    telemetry.log('warn', 'new', { port: 8080 });
    await telemetry.flush();
    const plain = logsInTime().filter(({ eventName }) => eventName === '');
    expect(plain.map(({ body, resource }) => [body, resource['service.version']])).toEqual([
      ['old', '1.0.0'],
      ['new', '1.1.0'],
    ]);
    await switched;
    expect(plain[1]!.attributes).toEqual({ port: 8080 });
    const restarts = points()
      .filter(({ name }) => name === 'flotilla.firmware.restarts')
      .map((point) => [point.resource['service.version'] ?? null, point.value]);
    expect(restarts).toEqual([
      [null, 0],
      ['1.0.0', 1],
      ['1.1.0', 0],
    ]);
  });

  it('records a crash at once, for the version that crashed', async () => {
    const telemetry = await start();
    await telemetry.setFirmwareVersion('1.1.0');
    telemetry.recordFirmwareCrash({
      version: '1.2.0',
      exitCode: null,
      signal: 'SIGSEGV',
      uptimeMs: 3000,
    });
    await eventually(() => expect(logs()).toHaveLength(1));
    expect(logs()[0]).toMatchObject({
      eventName: EVENT_FIRMWARE_CRASH,
      severityText: 'ERROR',
      attributes: { 'error.type': 'SIGSEGV' },
      resource: { 'service.version': '1.2.0' },
    });
  });

  it('loses no record of a burst', async () => {
    const unlimited = { perSecond: 1e9, burst: 1e9 };
    const telemetry = await start({
      clock: ticking(),
      sampling: {
        ratios: { trace: 1, debug: 1, info: 1 },
        keyRate: unlimited,
        bound: unlimited,
        urgentBound: unlimited,
      },
    });
    const severities = ['debug', 'warn'] as const;
    for (let index = 0; index < 5000; index += 1) {
      telemetry.log(severities[index % 2]!, `line ${index}`);
    }
    await telemetry.flush();
    expect(logsInTime().map(({ body }) => body)).toEqual(
      Array.from({ length: 5000 }, (_, index) => `line ${index}`),
    );
  });

  it('leaves out warnings beyond their bound only, and counts them', async () => {
    const urgentBound = { perSecond: 0.001, burst: 100 };
    const telemetry = await start({ sampling: { ...DEFAULT_SAMPLING, urgentBound } });
    for (let index = 0; index < 150; index += 1) telemetry.log('error', 'again');
    await telemetry.flush();
    expect(logs()).toHaveLength(100);
    expect(points().find(({ name }) => name === 'flotilla.agent.logs.dropped')).toMatchObject({
      value: 50,
      attributes: { 'flotilla.log.severity': 'error', 'flotilla.drop.reason': 'bound' },
    });
  });

  it('samples the output of the firmware by the level that a line names', async () => {
    const telemetry = await start();
    const say = (stream: 'stdout' | 'stderr', text: string) =>
      telemetry.firmwareOutput({ stream, text, truncated: false, version: '1.0.0' });
    for (let index = 0; index < 300; index += 1) {
      say('stdout', `tick ${index}`);
      say('stdout', `WARN: pressure ${index}`);
      say('stderr', `at frame ${index}`);
      say('stderr', `{"level":"info","msg":"calm ${index}","unit":"bar"}`);
    }
    await telemetry.flush();
    const kept = (start: string) => logs().filter(({ body }) => String(body).startsWith(start));
    expect(kept('WARN')).toHaveLength(300);
    expect(kept('at frame')).toHaveLength(300);
    for (const start of ['tick', 'calm']) {
      expect(kept(start).length).toBeGreaterThanOrEqual(100);
      expect(kept(start).length).toBeLessThan(300);
    }
    expect(kept('WARN')[0]).toMatchObject({
      severityText: 'WARN',
      attributes: { 'log.iostream': 'stdout', 'service.version': '1.0.0' },
    });
    expect(kept('at frame')[0]).toMatchObject({ severityNumber: 13 });
    expect(kept('calm')[0]).toMatchObject({
      body: 'calm 0',
      severityNumber: 9,
      attributes: { 'log.iostream': 'stderr', unit: 'bar' },
    });
  });

  it('keeps the canary window over a restart, and no longer than it lasts', async () => {
    let nowMs = Date.now();
    const canary = { afterMs: 60_000, maxTrialMs: 3_600_000 };
    const first = await start({ clock: () => nowMs, canary });
    await first.recordUpdate({ ...report, state: 'rolled_back' });
    await first.stop();
    const second = await start({ clock: () => nowMs, canary });
    for (let index = 0; index < 300; index += 1) second.log('info', 'watched');
    await second.stop();
    nowMs += canary.afterMs;
    const third = await start({ clock: () => nowMs, canary });
    for (let index = 0; index < 300; index += 1) third.log('debug', 'as usual');
    await third.flush();
    const kept = (text: string) => logs().filter(({ body }) => body === text).length;
    expect(kept('watched')).toBe(300);
    expect(kept('as usual')).toBeLessThan(150);
  });

  it('counts its own restarts by how the run before ended', async () => {
    await (await start()).stop();
    const second = await start();
    await second.flush();
    expect(restarts()).toEqual({ stopped: 1, killed: 0 });
    await second.stop();
    // A run that never said it stopped, as a kill leaves it.
    const queue = new DiskQueue({ folder: join(dataDir, 'telemetry'), logger });
    new RunCounter(queue, logger);
    queue.close();
    await (await start()).flush();
    expect(restarts()).toEqual({ stopped: 2, killed: 1 });
  });

  it('measures further mount points under their names', async () => {
    const mount = mkdtempSync(join(tmpdir(), 'flotilla-mount-'));
    const telemetry = await start({ mounts: [mount, join(mount, 'not-there')] });
    await telemetry.flush();
    rmSync(mount, { recursive: true });
    const mounts = points()
      .filter(({ name }) => name === 'system.filesystem.utilization')
      .map(({ attributes }) => attributes['system.filesystem.mountpoint']);
    expect(mounts).toEqual([undefined, mount]);
  });

  it('leaves out by rate what is below WARN, counts it, and keeps all of it around an update', async () => {
    const telemetry = await start();
    for (let index = 0; index < 300; index += 1) telemetry.log('info', 'chatty');
    await telemetry.recordUpdate({ ...report, state: 'trial' });
    for (let index = 0; index < 300; index += 1) telemetry.log('info', 'on trial');
    await telemetry.flush();
    const kept = (text: string) => logs().filter(({ body }) => body === text);
    const dropped = points().filter(({ name }) => name === 'flotilla.agent.logs.dropped');
    expect(kept('on trial')).toHaveLength(300);
    expect(kept('chatty').length).toBeGreaterThanOrEqual(100);
    expect(dropped).toHaveLength(1);
    expect(dropped[0]).toMatchObject({
      value: 300 - kept('chatty').length,
      monotonic: true,
      attributes: { 'flotilla.log.severity': 'info', 'flotilla.drop.reason': 'rate' },
    });
  });

  it('sends logs within about a second without being asked', async () => {
    const telemetry = await start();
    telemetry.log('info', 'hello');
    await eventually(() => expect(logs()).toHaveLength(1));
  });

  it('keeps everything while the collector is away, also over a restart', async () => {
    const { url } = collector;
    await collector.close();
    const first = await start({ collectorUrl: url, clock: ticking() });
    await first.recordUpdate(report);
    first.log('error', 'left for later');
    await first.stop();
    expect(first.lastAcknowledgedAtMs()).toBeNull();
    collector = await startFakeCollector(Number(new URL(url).port));
    await start({ collectorUrl: url });
    await eventually(() => expect(logs().map(({ body }) => body)).toContain('left for later'));
    expect(logsInTime().map(({ eventName }) => eventName)).toEqual([EVENT_UPDATE, '']);
    // The final collection was queued last.
    await eventually(() => expect(points().length).toBeGreaterThan(0));
  });

  it('stops in bounded time when the collector hangs, and refuses what comes later', async () => {
    collector.answerWith(() => 'hang');
    const telemetry = await start();
    await telemetry.recordUpdate(report);
    const startedAtMs = Date.now();
    await telemetry.stop();
    expect(Date.now() - startedAtMs).toBeLessThan(10_000);
    await expect(telemetry.recordUpdate(report)).rejects.toThrow('telemetry has stopped');
  });

  it('says that an update is not recorded when the disk does not take it', async () => {
    const telemetry = await start();
    const release = holdWriteLock(join(dataDir, 'telemetry'));
    await expect(telemetry.recordUpdate(report)).rejects.toThrow(TelemetryWriteError);
    release();
    await telemetry.recordUpdate(report);
    await telemetry.flush();
    expect(logs()).toHaveLength(1);
    const lost = points().find(
      ({ name, attributes }) =>
        name === 'flotilla.agent.queue.dropped' && attributes['error.type'] === 'unwritable',
    );
    expect(lost?.value).toBe(1);
  });
});
