import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { UpdateReport } from '@flotilla/contracts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { firmwareBundle, type FirmwareKind } from '../../src/testing/test-bundle.ts';
import { FAST_TUNING } from '../../src/testing/test-settings.ts';
import { DEFAULT_UPDATE_SETTINGS, type UpdateSettings } from '../../src/update-settings.ts';
import { AgentBench, freePort } from '../agent-bench.ts';

const second = 'cmp_000000000002';
// Patient with a busy machine: only what hangs or never passes takes this long.
const tuning = { ...FAST_TUNING, probeTimeoutMs: 1_000, maxFailedProbes: 2 };

let bench: AgentBench;
let port: number;
beforeEach(async () => {
  bench = await AgentBench.create();
  port = await freePort();
});
afterEach(() => bench.dispose());

/** Version 1.0.0 runs; what becomes of 1.1.0, and whether 1.0.0 answers again. */
async function update(
  kind: FirmwareKind,
  settings: Partial<UpdateSettings> = {},
  before: () => void = () => undefined,
): Promise<UpdateReport> {
  await bench.start({
    firmwarePort: port,
    trialMs: 400,
    trialBoots: 1,
    tuning,
    update: { ...DEFAULT_UPDATE_SETTINGS, ...settings },
  });
  const first = await bench.update({ version: '1.0.0', artifact: await firmwareBundle('1.0.0') });
  expect(first.state).toBe('confirmed');
  before();
  const artifact = await firmwareBundle('1.1.0', kind);
  return bench.update({ version: '1.1.0', artifact, campaignId: second });
}

async function runningVersion(): Promise<string> {
  const answer = await fetch(`http://127.0.0.1:${port}/`);
  return ((await answer.json()) as { version: string }).version;
}

function program(name: string, script: string): string {
  const folder = join(bench.dir, 'hooks');
  mkdirSync(folder, { recursive: true });
  const path = join(folder, name);
  writeFileSync(path, `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o755);
  return path;
}

describe('new firmware that', () => {
  it.each([
    ['crashes', 'crashing', 'trial_crashed', {}],
    ['hangs', 'hanging', 'trial_unhealthy', {}],
    ['eats memory', 'hungry', 'trial_memory_exceeded', { trialMaxRssBytes: 120 * 1024 * 1024 }],
  ] as const)('%s is left for the one that ran before', async (_what, kind, reason, settings) => {
    const report = await update(kind, settings);
    expect(report).toMatchObject({ state: 'rolled_back', reason, fromVersion: '1.0.0' });
    await expect.poll(() => runningVersion().catch(() => null)).toBe('1.0.0');
  });

  it('boots but cannot reach the collector is left', async () => {
    const report = await update('good', {}, () => (bench.telemetry.connected = false));
    expect(report).toMatchObject({ state: 'rolled_back', reason: 'trial_telemetry_lost' });
    await expect.poll(() => runningVersion().catch(() => null)).toBe('1.0.0');
  });

  it('does not end a probe of the device maker is left', async () => {
    const flag = join(bench.dir, 'new-firmware');
    const probe = program('probe', `[ -e ${flag} ] || exit 0\nsleep 600`);
    const probes = [{ kind: 'command', program: probe }] as const;
    const report = await update('good', { probes }, () => writeFileSync(flag, ''));
    expect(report).toMatchObject({ state: 'rolled_back', reason: 'trial_probe_failed' });
    expect(report.detail).toMatch(/did not end within 1000 ms/);
  });

  it('fails the health hook is left, and the hook after it is told', async () => {
    const told = join(bench.dir, 'told');
    const folder = join(bench.dir, 'hooks');
    program('health', '[ "$FLOTILLA_TO_VERSION" = 1.0.0 ] || { echo no modem; exit 1; }');
    program('post-rollback', `echo "$FLOTILLA_FROM_VERSION $FLOTILLA_TO_VERSION" > ${told}`);
    const report = await update('good', { hooks: { folder, timeoutMs: 5_000 } });
    expect(report).toMatchObject({ state: 'rolled_back', reason: 'trial_probe_failed' });
    expect(report.detail).toContain('no modem');
    await expect.poll(() => readFileSync(told, 'utf8')).toBe('1.0.0 1.1.0\n');
    await expect
      .poll(() => bench.telemetry.logs)
      .toContainEqual(expect.objectContaining({ body: 'no modem' }));
  });
});
