import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { watchTrial, type TrialOptions } from '../../src/firmware/trial.ts';
import { Watchdog } from '../../src/firmware/watchdog.ts';
import { RecordingTelemetry } from '../../src/testing/recording-telemetry.ts';
import { scriptedFirmware } from '../../src/testing/scripted-firmware.ts';
import { silent } from '../agent-bench.ts';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'flotilla-watchdog-'));
  path = join(folder, 'watchdog');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const pets = () => readFileSync(path, 'utf8');

function trial(probe: () => boolean, watchdog: Watchdog, probes: TrialOptions['probes'] = []) {
  const firmware = { ...scriptedFirmware('good'), probe: () => Promise.resolve(probe()) };
  return watchTrial(
    firmware,
    {
      rules: { trialMs: 50, startTimeoutMs: 10_000, maxFailedProbes: 5, maxRssBytes: null },
      probeIntervalMs: 5,
      probes,
      watchdog,
      telemetry: new RecordingTelemetry(),
      monotonicNow: () => performance.now(),
      logger: silent,
    },
    AbortSignal.timeout(30_000),
  );
}

describe('the watchdog', () => {
  it('is petted while a trial is well, and sleeps once it is disarmed', async () => {
    const watchdog = new Watchdog(path, silent);
    expect(await trial(() => true, watchdog)).toEqual({ kind: 'pass' });
    await watchdog.disarm();
    expect(pets()).toMatch(/^\n{2,}V$/);
  });

  it('is not petted from the first failed probe on', async () => {
    const watchdog = new Watchdog(path, silent);
    let petsBefore = 0;
    let probes = 0;
    const result = await trial(() => {
      probes += 1;
      if (probes === 4) petsBefore = pets().length;
      return probes < 4;
    }, watchdog);
    expect(result).toMatchObject({ kind: 'fail', reason: 'trial_unhealthy' });
    expect(pets()).toBe('\n'.repeat(petsBefore));
    await watchdog.disarm();
  });

  it('is petted while a probe takes its time', async () => {
    const watchdog = new Watchdog(path, silent);
    const counts: [number, number][] = [];
    const patient = async () => {
      const before = pets().length;
      await expect.poll(() => pets().length, { timeout: 20_000 }).toBeGreaterThan(before + 2);
      counts.push([before, pets().length]);
      return { name: 'slow', fault: null };
    };
    expect(await trial(() => true, watchdog, [patient])).toEqual({ kind: 'pass' });
    await watchdog.disarm();
    expect(counts.length).toBeGreaterThan(0);
    expect(pets()).toMatch(/^\n+V$/);
  });

  it('is missed, not a fault, where it cannot be reached', async () => {
    const watchdog = new Watchdog(join(folder, 'no/such/device'), silent);
    expect((await trial(() => true, watchdog)).kind).toBe('pass');
  });
});
