import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sha256 } from '../../src/testing/fake-ota-server.ts';
import { firmwareBundle } from '../../src/testing/test-bundle.ts';
import { AgentBench, freePort } from '../agent-bench.ts';

interface FirmwareAnswer {
  version: string;
  pid: number;
  env: string[];
}

let bench: AgentBench;
let port: number;
beforeEach(async () => {
  bench = await AgentBench.create();
  port = await freePort();
});
afterEach(() => bench.dispose());

async function ask(): Promise<FirmwareAnswer> {
  return (await (await fetch(`http://127.0.0.1:${port}/`)).json()) as FirmwareAnswer;
}

function states(campaignId: string): string[] {
  return bench.server.distinctReports
    .filter((report) => report.campaignId === campaignId)
    .map((report) => report.state);
}

const second = 'cmp_000000000002';

describe('a device with real firmware processes', () => {
  it('installs its first firmware, then takes a delta, and both are confirmed', async () => {
    const base = await firmwareBundle('1.0.0');
    const next = await firmwareBundle('1.1.0');
    await bench.start({ firmwarePort: port, trialMs: 400 });
    const first = await bench.update({ version: '1.0.0', artifact: base, encoding: 'zstd' });
    expect(first).toMatchObject({ state: 'confirmed', fromVersion: null, usedDelta: false });
    expect((await ask()).version).toBe('1.0.0');

    const report = await bench.update({
      version: '1.1.0',
      artifact: next,
      base,
      campaignId: second,
    });
    expect(report).toMatchObject({ state: 'confirmed', fromVersion: '1.0.0', usedDelta: true });
    expect(report.transferBytes).toBeGreaterThan(0);
    expect(report.transferBytes).toBeLessThan(base.length / 5);
    expect(states(second)).toEqual(['downloading', 'installing', 'trial', 'confirmed']);
    expect((await ask()).version).toBe('1.1.0');
    expect(sha256(readFileSync(join(bench.dir, 'slots/current/artifact.tar')))).toBe(sha256(next));
    expect(bench.telemetry.reports.map((r) => r.reportId)).toEqual(
      bench.server.distinctReports.map((r) => r.reportId),
    );
    await expect
      .poll(() => bench.server.polls.at(-1))
      .toMatchObject({ runningVersion: '1.1.0', runningSha256: sha256(next) });
  });

  it('gives the firmware a port, a data folder and a path, and nothing else', async () => {
    await bench.start({ firmwarePort: port });
    await bench.update({ version: '1.0.0', artifact: await firmwareBundle('1.0.0') });
    expect((await ask()).env).toEqual(['FLOTILLA_DATA_DIR', 'PATH', 'PORT']);
    expect(readFileSync(join(bench.dir, 'firmware-data/starts.log'), 'utf8')).toBe('1.0.0\n');
    await expect
      .poll(() => bench.telemetry.output.map(({ text }) => text))
      .toContain('firmware 1.0.0 starts');
  });

  it('returns to the old slot when the new firmware crashes in each of its boots', async () => {
    const base = await firmwareBundle('1.0.0');
    await bench.start({ firmwarePort: port, trialMs: 400 });
    await bench.update({ version: '1.0.0', artifact: base });
    const before = bench.runningSlotDigest();
    const report = await bench.update({
      version: '1.2.0',
      artifact: await firmwareBundle('1.2.0', 'crashing'),
      base,
      campaignId: second,
    });
    expect(report).toMatchObject({ state: 'rolled_back', reason: 'trial_crashed' });
    expect(report.detail).toMatch(/exited with code 7 after 0\.\d s on trial/);
    await expect.poll(async () => (await ask()).version).toBe('1.0.0');
    expect(bench.runningSlotDigest()).toBe(before);
    const starts = readFileSync(join(bench.dir, 'firmware-data/starts.log'), 'utf8');
    expect(starts).toBe('1.0.0\n1.2.0\n1.2.0\n1.2.0\n1.0.0\n');
    expect(bench.telemetry.crashes.map((c) => [c.version, c.exitCode])).toEqual([
      ['1.2.0', 7],
      ['1.2.0', 7],
      ['1.2.0', 7],
    ]);
    expect(bench.telemetry.versions.at(-1)).toBe('1.0.0');
  });

  it('stops its firmware with it', async () => {
    const agent = await bench.start({ firmwarePort: port });
    await bench.update({ version: '1.0.0', artifact: await firmwareBundle('1.0.0') });
    const { pid } = await ask();
    await agent.stop();
    expect(() => process.kill(pid, 0)).toThrow();
    expect(existsSync(join(bench.dir, 'firmware.pid'))).toBe(false);
  });

  it('restarts a confirmed firmware that crashed and counts it', async () => {
    await bench.start({ firmwarePort: port });
    await bench.update({ version: '1.0.0', artifact: await firmwareBundle('1.0.0') });
    const { pid } = await ask();
    process.kill(pid, 'SIGKILL');
    await expect
      .poll(() => bench.telemetry.crashes)
      .toMatchObject([{ version: '1.0.0', exitCode: null, signal: 'SIGKILL' }]);
    await expect.poll(async () => (await ask().catch(() => null))?.pid ?? pid).not.toBe(pid);
  });
});
