import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ScriptedHost } from '../../src/testing/scripted-firmware.ts';
import { firmwareBundle } from '../../src/testing/test-bundle.ts';
import { DEFAULT_UPDATE_SETTINGS, type UpdateSettings } from '../../src/update-settings.ts';
import { AgentBench } from '../agent-bench.ts';

const second = 'cmp_000000000002';

let bench: AgentBench;
let host: ScriptedHost;
let base: Buffer;
let next: Buffer;
beforeEach(async () => {
  bench = await AgentBench.create();
  host = new ScriptedHost();
  base = await firmwareBundle('1.0.0');
  next = await firmwareBundle('1.1.0');
});
afterEach(() => bench.dispose());

async function withFirmware(settings: Partial<UpdateSettings> = {}): Promise<void> {
  await bench.start({ update: { ...DEFAULT_UPDATE_SETTINGS, ...settings } }, { host });
  const report = await bench.update({ version: '1.0.0', artifact: base });
  expect(report.state).toBe('confirmed');
}

describe('a delta that fails', () => {
  const broken = () =>
    bench.server.deployment({
      version: '1.1.0',
      artifact: next,
      base,
      delta: Buffer.from('no delta'),
      campaignId: second,
    });

  it('refuses the update where nobody pays for the full image', async () => {
    await withFirmware();
    bench.server.offer = broken();
    expect(await bench.finalReport(second)).toMatchObject({
      state: 'failed',
      reason: 'delta_invalid',
      usedDelta: true,
    });
  });

  it.each([
    ['the deployment', true],
    ['the device', false],
  ])('gives way to the full image within the budget of %s', async (_whose, isStated) => {
    await withFirmware(isStated ? {} : { deltaFallbackMaxBytes: next.length });
    const deployment = broken();
    bench.server.offer = {
      ...deployment,
      ...(isStated && { deltaFallback: { maxBytes: next.length } }),
    };
    const report = await bench.finalReport(second);
    expect(report).toMatchObject({ state: 'confirmed', usedDelta: false });
    expect(report.transferBytes).toBe(next.length + deployment.delta!.sizeBytes);
  });

  it('refuses when the full image is larger than the budget', async () => {
    await withFirmware({ deltaFallbackMaxBytes: 10 * next.length });
    bench.server.offer = { ...broken(), deltaFallback: { maxBytes: next.length - 1 } };
    expect((await bench.finalReport(second)).reason).toBe('delta_invalid');
  });
});

describe('a device that is ordered back', () => {
  const order = { campaignId: second, phase: 1, round: 1, fromVersion: '1.1.0' };

  it('returns to the firmware before, says so once, and stays there', async () => {
    await withFirmware();
    await bench.update({ version: '1.1.0', artifact: next, campaignId: second });
    bench.server.offer = null;
    bench.server.rollback = order;
    await expect
      .poll(() => bench.server.distinctReports.filter((r) => r.state === 'rolled_back'))
      .toMatchObject([{ campaignId: second, fromVersion: '1.0.0', toVersion: '1.1.0' }]);
    const polls = bench.server.polls.length;
    await expect.poll(() => bench.server.polls.length).toBeGreaterThan(polls + 3);
    expect(bench.server.polls.at(-1)?.runningVersion).toBe('1.0.0');
    expect(host.starts.at(-1)).toBe('1.0.0');
    expect(bench.server.distinctReports.filter((r) => r.state === 'rolled_back')).toHaveLength(1);
  });

  it('stays where it is when the order is about another version or there is no way back', async () => {
    await withFirmware();
    bench.server.rollback = order;
    bench.server.offer = null;
    const polls = bench.server.polls.length;
    await expect.poll(() => bench.server.polls.length).toBeGreaterThan(polls + 3);
    bench.server.rollback = { ...order, fromVersion: '1.0.0' };
    await expect.poll(() => bench.server.polls.length).toBeGreaterThan(polls + 6);
    expect(bench.server.polls.at(-1)?.runningVersion).toBe('1.0.0');
    expect(bench.server.reports.some((r) => r.state === 'rolled_back')).toBe(false);
    expect(host.starts).toEqual(['1.0.0']);
  });
});
