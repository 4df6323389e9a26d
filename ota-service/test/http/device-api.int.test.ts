import { createHash, randomUUID } from 'node:crypto';
import { zstdDecompressSync } from 'node:zlib';
import { pollResponseSchema, type FirmwareView, type Problem } from '@flotilla/contracts';
import { LogFullError, LogUnavailableError } from '@flotilla/event-log';
import { ProblemError } from '@flotilla/service';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { startHarness, type OtaHarness } from '../../src/testing/ota-harness.ts';
import { tarBundle } from '../../src/testing/tar-bundle.ts';

const NOTHING = { runningVersion: null, runningSha256: null };
const code = (text: string) => Buffer.from(text.repeat(2000));
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

let ota: OtaHarness;
let nowMs: number;
let finishDelta: PromiseWithResolvers<Uint8Array>;

beforeEach(async () => {
  nowMs = Date.parse('2026-01-01T00:00:00Z');
  finishDelta = Promise.withResolvers();
  ota = await startHarness({ clock: () => nowMs, computeDelta: () => finishDelta.promise });
});
afterEach(async () => {
  finishDelta.resolve(new Uint8Array(1));
  await ota.close();
});

function offer(firmware: FirmwareView): void {
  ota.campaigns.offer = {
    campaignId: 'cmp_000000000001',
    phase: 1,
    round: 1,
    firmwareId: firmware.id,
  };
}

const running = (firmware: FirmwareView) => ({
  runningVersion: firmware.version,
  runningSha256: firmware.sha256,
});

describe('polling', () => {
  it('activates a provisioned device and remembers what runs on it', async () => {
    const device = await ota.newDevice('m');
    expect(await ota.poll(device.token, NOTHING)).toEqual({
      pollAfterMs: 30_000,
      deployment: null,
    });
    const seen = { runningVersion: '1.0.0', runningSha256: 'a'.repeat(64) };
    await ota.poll(device.token, seen);
    nowMs += 60_000;
    await ota.poll(device.token, seen);
    const answer = await ota.operator('GET', `/api/v1/devices/${device.id}`);
    expect(await answer.json()).toMatchObject({
      lifecycle: 'active',
      firmwareVersion: '1.0.0',
      lastSeenAt: '2026-01-01T00:01:00.000Z',
      health: null,
      updates: [],
    });
  });

  it('answers an offer with target and whole transfer, and records the exposure', async () => {
    const artifact = tarBundle('1.0.0', code('one'));
    const firmware = await ota.publish('m', '1.0.0', artifact);
    offer(firmware);
    const device = await ota.newDevice('m');
    const { deployment } = pollResponseSchema.parse(await ota.poll(device.token, NOTHING));
    expect(deployment).toMatchObject({ campaignId: 'cmp_000000000001', phase: 1, delta: null });
    expect(deployment!.target).toBe('m/1.0.0');
    expect(deployment!.full).toMatchObject({
      encoding: 'zstd',
      sizeBytes: firmware.fullTransferBytes,
    });
    expect(ota.campaigns.offered.map((entry) => entry.deviceId)).toEqual([device.id]);
    const download = await ota.call('GET', deployment!.full.path, device.token);
    const bytes = Buffer.from(await download.arrayBuffer());
    expect(sha256(bytes)).toBe(deployment!.full.sha256);
    expect(zstdDecompressSync(bytes).equals(artifact)).toBe(true);
  });

  it('says how large a full image may follow a delta that failed, where the campaign does', async () => {
    const firmware = await ota.publish('m', '1.0.0', tarBundle('1.0.0', code('one')));
    offer(firmware);
    const device = await ota.newDevice('m');
    const unsaid = await ota.poll(device.token, NOTHING);
    expect(unsaid.deployment).not.toHaveProperty('deltaFallback');
    ota.campaigns.offer = { ...ota.campaigns.offer!, deltaFallbackMaxBytes: 4096 };
    const said = pollResponseSchema.parse(await ota.poll(device.token, NOTHING));
    expect(said.deployment?.deltaFallback).toEqual({ maxBytes: 4096 });
  });

  it('orders a device back before anything else, and notes that it did', async () => {
    const firmware = await ota.publish('m', '1.0.0', tarBundle('1.0.0', code('one')));
    offer(firmware);
    const device = await ota.newDevice('m');
    const order = { campaignId: 'cmp_000000000001', phase: 1, round: 2, fromVersion: '1.0.0' };
    ota.campaigns.order = order;
    const answer = pollResponseSchema.parse(await ota.poll(device.token, running(firmware)));
    expect(answer).toEqual({ pollAfterMs: 30_000, deployment: null, rollback: order });
    expect(ota.campaigns.ordered).toEqual([{ deviceId: device.id, order }]);
    expect(ota.campaigns.offered).toEqual([]);
  });

  it('lets a device wait for its delta, then gives it', async () => {
    const base = await ota.publish('m', '1.0.0', tarBundle('1.0.0', code('one')));
    const target = await ota.publish('m', '1.1.0', tarBundle('1.1.0', code('two')));
    offer(target);
    const device = await ota.newDevice('m');
    const waiting = await ota.poll(device.token, running(base));
    expect(waiting).toEqual({ pollAfterMs: 1000, deployment: null });
    expect(ota.campaigns.offered).toEqual([]);
    finishDelta.resolve(Buffer.from('a delta'));
    const deployment = await vi.waitFor(async () => {
      const answer = await ota.poll(device.token, running(base));
      expect(answer.deployment).not.toBeNull();
      return answer.deployment!;
    });
    expect(deployment.delta).toMatchObject({
      baseSha256: base.sha256,
      codec: 'flotilla-delta-2',
      sizeBytes: 7,
    });
    const download = await ota.call('GET', deployment.delta!.path, device.token);
    expect(await download.text()).toBe('a delta');
    const view = (await (
      await ota.operator('GET', `/api/v1/firmware/${target.id}`)
    ).json()) as FirmwareView;
    expect(view.deltas).toMatchObject([{ baseVersion: '1.0.0', state: 'ready', sizeBytes: 7 }]);
  });

  it('gives the whole artifact when the delta takes too long, or was given up', async () => {
    const base = await ota.publish('m', '1.0.0', tarBundle('1.0.0', code('one')));
    offer(await ota.publish('m', '1.1.0', tarBundle('1.1.0', code('two'))));
    const device = await ota.newDevice('m');
    expect((await ota.poll(device.token, running(base))).deployment).toBeNull();
    nowMs += 120_000;
    expect((await ota.poll(device.token, running(base))).deployment).toMatchObject({ delta: null });
    nowMs -= 60_000;
    expect((await ota.poll(device.token, running(base))).deployment).toBeNull();
    await ota.database.updateTable('deltas').set({ state: 'failed' }).execute();
    expect((await ota.poll(device.token, running(base))).deployment).toMatchObject({ delta: null });
  });

  it('asks for the delta of a base that no plan had', async () => {
    const versions = ['1.0.0', '1.1.0', '1.2.0', '1.3.0', '1.4.0'];
    const released: FirmwareView[] = [];
    for (const version of versions) {
      nowMs += 1000;
      released.push(await ota.publish('m', version, tarBundle(version, code(version))));
    }
    const [oldest, newest] = [released[0]!, released.at(-1)!];
    const pairs = () =>
      ota.database
        .selectFrom('deltas')
        .select('base_sha256')
        .where('target_sha256', '=', newest.sha256)
        .execute();
    expect(await pairs()).toHaveLength(3);
    offer(newest);
    const device = await ota.newDevice('m');
    expect((await ota.poll(device.token, running(oldest))).deployment).toBeNull();
    expect((await pairs()).map((row) => row.base_sha256)).toContain(oldest.sha256);
    const sideloaded = { runningVersion: '1.0.0', runningSha256: 'f'.repeat(64) };
    expect((await ota.poll(device.token, sideloaded)).deployment).toMatchObject({ delta: null });
    expect(await pairs()).toHaveLength(4);
  });

  it.each([
    ['full', new LogFullError('the log is full')],
    ['out of reach', new LogUnavailableError('the log is gone')],
  ])('says when to ask again while the log is %s, and works after that', async (_what, refusal) => {
    offer(await ota.publish('m', '1.0.0', tarBundle('1.0.0', code('one'))));
    const device = await ota.newDevice('m');
    const marking = vi.spyOn(ota.campaigns, 'markOffered').mockRejectedValueOnce(refusal);
    const answer = await ota.call('POST', '/device/v1/poll', device.token, NOTHING);
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '10']);
    expect((await answer.json()) as Problem).toMatchObject({ code: 'unavailable' });
    expect((await ota.poll(device.token, NOTHING)).deployment).not.toBeNull();
    marking.mockRestore();
  });

  it('offers nothing when the campaign is paused between the offer and its answer', async () => {
    offer(await ota.publish('m', '1.0.0', tarBundle('1.0.0', code('one'))));
    const device = await ota.newDevice('m');
    const paused = new ProblemError('conflict', { detail: 'not offered any more' });
    const marking = vi.spyOn(ota.campaigns, 'markOffered').mockRejectedValueOnce(paused);
    expect(await ota.poll(device.token, NOTHING)).toEqual({
      pollAfterMs: 30_000,
      deployment: null,
    });
    marking.mockRestore();
  });

  it('offers nothing to a device in maintenance', async () => {
    offer(await ota.publish('m', '1.0.0', tarBundle('1.0.0', code('one'))));
    const device = await ota.newDevice('m');
    await ota.database.updateTable('devices').set({ lifecycle: 'maintenance' }).execute();
    expect((await ota.poll(device.token, NOTHING)).deployment).toBeNull();
    const row = await ota.database.selectFrom('devices').selectAll().executeTakeFirstOrThrow();
    expect(row.lifecycle).toBe('maintenance');
  });

  it.each([
    [{}, '/body/runningVersion'],
    [{ ...NOTHING, runningVersion: 'one' }, '/body/runningVersion'],
    [{ ...NOTHING, runningSha256: 'A'.repeat(64) }, '/body/runningSha256'],
    [{ ...NOTHING, more: 1 }, '/body'],
  ])('names field and rule of %j', async (body, pointer) => {
    const device = await ota.newDevice('m');
    const answer = await ota.call('POST', '/device/v1/poll', device.token, body);
    const problem = (await answer.json()) as Problem;
    expect([answer.status, problem.code]).toEqual([400, 'validation_failed']);
    expect(problem.errors?.map((error) => error.pointer)).toContain(pointer);
  });
});

describe('reporting', () => {
  const report = {
    reportId: randomUUID(),
    campaignId: 'cmp_000000000001',
    phase: 1,
    round: 1,
    state: 'failed',
    reason: 'download_failed',
    detail: 'the connection broke',
    fromVersion: null,
    toVersion: '1.0.0',
    occurredAt: '2026-01-01T00:00:00Z',
  };

  it('is shown on the page of the device', async () => {
    offer(await ota.publish('m', '1.0.0', tarBundle('1.0.0', code('one'))));
    const device = await ota.newDevice('m');
    const answer = await ota.call('POST', '/device/v1/reports', device.token, report);
    expect([answer.status, await answer.json()]).toEqual([202, { reportId: report.reportId }]);
    const detail = await ota.operator('GET', `/api/v1/devices/${device.id}`);
    const expected = { state: 'failed', reason: 'download_failed', detail: report.detail };
    expect(await detail.json()).toMatchObject({ lastUpdate: expected, updates: [expected] });
  });

  it('is asked for again while the log is full', async () => {
    offer(await ota.publish('m', '1.0.0', tarBundle('1.0.0', code('one'))));
    const device = await ota.newDevice('m');
    const full = new LogFullError('the log is full');
    const recording = vi.spyOn(ota.campaigns, 'recordReport').mockRejectedValueOnce(full);
    const answer = await ota.call('POST', '/device/v1/reports', device.token, report);
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '10']);
    recording.mockRestore();
  });

  it('is refused with the rule it breaks', async () => {
    const device = await ota.newDevice('m');
    const bad = { ...report, state: 'done', reportId: '1' };
    const answer = await ota.call('POST', '/device/v1/reports', device.token, bad);
    const problem = (await answer.json()) as Problem;
    expect([answer.status, problem.code]).toEqual([400, 'validation_failed']);
    const pointers = problem.errors?.map((error) => error.pointer);
    expect(pointers).toEqual(['/body/reportId', '/body/state']);
    const unknown = await ota.call('POST', '/device/v1/reports', device.token, report);
    expect(unknown.status).toBe(404);
  });
});
