import { mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Deployment, UpdateReport } from '@flotilla/contracts';
import { createDelta } from '@flotilla/delta';
import { forgedTimestamp } from '@flotilla/trust/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AgentSettings } from '../../src/agent-settings.ts';
import { ScriptedHost } from '../../src/testing/scripted-firmware.ts';
import { FAST_TUNING } from '../../src/testing/test-settings.ts';
import { firmwareBundle } from '../../src/testing/test-bundle.ts';
import { AgentBench } from '../agent-bench.ts';

let bench: AgentBench;
let base: Buffer;
let next: Buffer;
beforeEach(async () => {
  bench = await AgentBench.create();
  base = await firmwareBundle('1.1.0');
  next = await firmwareBundle('1.2.0');
});
afterEach(() => bench.dispose());

const second = 'cmp_000000000002';
const impatient = { trialBoots: 2, tuning: { ...FAST_TUNING, minStartMs: 500 } };

async function withFirmware(settings: Partial<AgentSettings> = {}): Promise<string> {
  await bench.start(settings, { host: new ScriptedHost() });
  const report = await bench.update({ version: '1.1.0', artifact: base });
  expect(report.state).toBe('confirmed');
  return bench.runningSlotDigest();
}

/** Offers a bad deployment as the second campaign and checks what a refusal must leave alone. */
async function refused(deployment: Deployment): Promise<UpdateReport> {
  const before = bench.runningSlotDigest();
  bench.server.offer = deployment;
  const report = await bench.finalReport(second);
  expect(report.state).toBe('failed');
  expect(bench.runningSlotDigest()).toBe(before);
  const polls = bench.server.polls.length;
  const requests = bench.server.requests.length;
  await expect.poll(() => bench.server.polls.length).toBeGreaterThan(polls + 2);
  expect(bench.server.polls.at(-1)?.runningVersion).toBe('1.1.0');
  // Offered again and again, it is not tried again in this round.
  expect(bench.server.requests.length).toBe(requests);
  expect(bench.server.distinctReports.filter((r) => r.reportId === report.reportId)).toHaveLength(
    1,
  );
  return report;
}

const offer = (change: object = {}) =>
  bench.server.deployment({ version: '1.2.0', artifact: next, campaignId: second, ...change });

describe('a target that this device does not take', () => {
  it('is not among the signed ones', async () => {
    await withFirmware();
    const report = await refused({ ...offer(), target: 'sensor-x1/1.3.0' });
    expect(report).toMatchObject({ reason: 'target_not_signed', toVersion: '1.3.0' });
  });

  it('but takes a downgrade that is signed as one, and the bar stays where it was', async () => {
    await withFirmware();
    const artifact = await firmwareBundle('1.0.0');
    const release = { allowDowngrade: true };
    const allowed = { version: '1.0.0', artifact, campaignId: second, release };
    expect(await bench.update(allowed)).toMatchObject({ state: 'confirmed' });
    const third = 'cmp_000000000003';
    const again = await firmwareBundle('1.0.1');
    const report = await bench.update({ version: '1.0.1', artifact: again, campaignId: third });
    expect(report).toMatchObject({ state: 'failed', reason: 'downgrade_refused' });
  });

  it('and waits, without a word, while the metadata cannot be had', async () => {
    await withFirmware();
    const deployment = offer();
    bench.server.faults.set('/device/v1/tuf/timestamp.json', { status: 503 });
    bench.server.offer = deployment;
    const polls = bench.server.polls.length;
    await expect.poll(() => bench.server.polls.length).toBeGreaterThan(polls + 2);
    expect(bench.server.distinctReports.some((r) => r.campaignId === second)).toBe(false);
    bench.server.faults.clear();
    expect((await bench.finalReport(second)).state).toBe('confirmed');
  });

  it('until an attacker is gone: what was refused in one round is taken in the next', async () => {
    await withFirmware();
    const deployment = offer();
    bench.server.metadata = forgedTimestamp(bench.server.repository);
    expect((await refused(deployment)).reason).toBe('metadata_signature_invalid');
    bench.server.metadata = null;
    bench.server.offer = { ...deployment, round: 2 };
    expect((await bench.finalReport(second, 2)).state).toBe('confirmed');
  });
});

describe('an artifact that is not what was announced', () => {
  it.each([
    ['shorter', (bytes: Buffer) => bytes.subarray(0, bytes.length - 512)],
    ['longer', (bytes: Buffer) => Buffer.concat([bytes, Buffer.alloc(512)])],
  ])('is %s than announced', async (_name, change) => {
    await withFirmware();
    const deployment = offer();
    bench.server.faults.set(deployment.full.path, { instead: change(next) });
    expect((await refused(deployment)).reason).toBe('artifact_size_mismatch');
  });

  it('is not the encoding it claims', async () => {
    await withFirmware();
    const deployment = offer();
    const report = await refused({ ...deployment, full: { ...deployment.full, encoding: 'zstd' } });
    expect(report.reason).toBe('artifact_checksum_mismatch');
  });

  it('is gone from the server', async () => {
    await withFirmware();
    const deployment = offer();
    bench.server.faults.set(deployment.full.path, { status: 404 });
    expect((await refused(deployment)).reason).toBe('download_failed');
  });
});

describe('a delta that does not give the signed artifact', () => {
  const delta = () => Buffer.from(createDelta(base, next));

  it('was truncated before it was announced', async () => {
    await withFirmware();
    const report = await refused(offer({ base, delta: delta().subarray(0, -7) }));
    expect(report).toMatchObject({ reason: 'delta_invalid', usedDelta: true });
    expect(report.detail).toContain('delta');
  });

  it('was truncated after it was announced', async () => {
    await withFirmware();
    const deployment = offer({ base });
    bench.server.faults.set(deployment.delta!.path, { instead: delta().subarray(0, -7) });
    const report = await refused(deployment);
    expect(report.reason).toBe('delta_invalid');
    expect(report.detail).toMatch(/server has \d+ bytes, announced were \d+/);
  });

  it('was tampered with', async () => {
    await withFirmware();
    const bad = delta();
    bad[bad.length - 20]! ^= 0xff;
    expect((await refused(offer({ base, delta: bad }))).reason).toBe('delta_invalid');
  });

  it('makes another artifact', async () => {
    await withFirmware();
    const other = Buffer.from(createDelta(base, await firmwareBundle('1.2.1')));
    expect((await refused(offer({ base, delta: other }))).reason).toBe('delta_invalid');
  });

  it('is passed over when it is in a codec this agent does not read', async () => {
    await withFirmware();
    const deployment = offer({ base });
    bench.server.offer = { ...deployment, delta: { ...deployment.delta!, codec: 'other-2' } };
    const report = await bench.finalReport(second);
    expect(report).toMatchObject({ state: 'confirmed', usedDelta: false });
  });
});

describe('a bundle that may not be unpacked', () => {
  it('names another version than its target', async () => {
    await withFirmware();
    const report = await refused(offer({ artifact: await firmwareBundle('1.2.9') }));
    expect(report).toMatchObject({ reason: 'bundle_invalid', toVersion: '1.2.0' });
  });
});

describe('a device', () => {
  it('tries a failed campaign again in its next round', async () => {
    await withFirmware();
    const deployment = offer();
    bench.server.faults.set(deployment.full.path, { status: 404 });
    await refused(deployment);
    bench.server.faults.clear();
    bench.server.offer = offer({ round: 2 });
    expect((await bench.finalReport(second, 2)).state).toBe('confirmed');
  });

  it('has no firmware but keeps asking after its first install failed its trial', async () => {
    await bench.start({}, { host: new ScriptedHost() });
    const artifact = await firmwareBundle('1.0.0', 'crashing');
    const report = await bench.update({ version: '1.0.0', artifact });
    expect(report).toMatchObject({ state: 'failed', reason: 'trial_crashed', fromVersion: null });
    const polls = bench.server.polls.length;
    await expect.poll(() => bench.server.polls.length).toBeGreaterThan(polls + 1);
    expect(bench.server.polls.at(-1)).toMatchObject({ runningVersion: null, runningSha256: null });
    const good = { version: '1.0.1', artifact: await firmwareBundle('1.0.1'), campaignId: second };
    expect((await bench.update(good)).state).toBe('confirmed');
  });

  it('leaves a firmware that answers its probe with an error', async () => {
    await withFirmware(impatient);
    const artifact = await firmwareBundle('1.2.0', 'unhealthy');
    const report = await bench.update({ version: '1.2.0', artifact, campaignId: second });
    expect(report).toMatchObject({ state: 'rolled_back', reason: 'trial_unhealthy' });
  });

  it('leaves a firmware under which no telemetry arrives', async () => {
    await withFirmware(impatient);
    bench.telemetry.connected = false;
    const report = await bench.update({ version: '1.2.0', artifact: next, campaignId: second });
    expect(report).toMatchObject({ state: 'rolled_back', reason: 'trial_telemetry_lost' });
  });

  it('stops without a word when the offer is withdrawn during the download', async () => {
    await withFirmware();
    const deployment = offer();
    bench.server.faults.set(deployment.full.path, { cutAfterBytes: 1000, cuts: 1e9 });
    bench.server.offer = deployment;
    await expect.poll(() => bench.server.distinctReports.at(-1)?.campaignId).toBe(second);
    bench.server.offer = null;
    await expect
      .poll(() => readFileSync(join(bench.dir, 'journal.json'), 'utf8'))
      .toContain('"IDLE"');
    const ours = bench.server.distinctReports.filter((r) => r.campaignId === second);
    expect(ours.map((r) => r.state)).toEqual(['downloading']);
    // The same round may come back later.
    bench.server.faults.clear();
    bench.server.offer = deployment;
    expect((await bench.finalReport(second)).state).toBe('confirmed');
  });

  it('says once that it runs an offered release already', async () => {
    await withFirmware();
    const report = await bench.update({ version: '1.1.0', artifact: base, campaignId: second });
    expect(report).toMatchObject({ state: 'confirmed', transferBytes: 0 });
    expect(bench.server.distinctReports.filter((r) => r.campaignId === second)).toHaveLength(1);
  });

  it('rebuilds a lost boot environment around the slot that ran last', async () => {
    const agent = await bench.start({}, { host: new ScriptedHost() });
    await bench.update({ version: '1.1.0', artifact: base });
    await agent.stop();
    writeFileSync(join(bench.dir, 'boot/env-0'), 'noise');
    truncateSync(join(bench.dir, 'boot/env-1'), 5);
    bench.server.polls.length = 0;
    const again = await bench.start({}, { host: new ScriptedHost() });
    await expect.poll(() => bench.server.polls.at(-1)?.runningVersion).toBe('1.1.0');
    await again.stop();
    rmSync(join(bench.dir, 'boot'), { recursive: true });
    writeFileSync(join(bench.dir, 'slots/current/artifact.tar'), 'not the artifact');
    mkdirSync(join(bench.dir, 'boot'));
    writeFileSync(join(bench.dir, 'boot/env-0'), 'noise');
    bench.server.polls.length = 0;
    bench.server.offer = null;
    await bench.start({}, { host: new ScriptedHost() });
    await expect.poll(() => bench.server.polls.at(-1)?.runningVersion).toBe(null);
  });
});
