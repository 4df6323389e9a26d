import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { FirmwareHost } from '../../src/firmware/firmware-process.ts';
import { RecordingTelemetry } from '../../src/testing/recording-telemetry.ts';
import { ScriptedHost } from '../../src/testing/scripted-firmware.ts';
import { firmwareBundle } from '../../src/testing/test-bundle.ts';
import { AgentBench } from '../agent-bench.ts';

const HOUR_MS = 3_600_000;
const TRIAL_MS = 600;

let bench: AgentBench;
beforeEach(async () => {
  bench = await AgentBench.create();
});
afterEach(() => bench.dispose());

/** Updates while the wall clock is set by so much, at the second probe; how long the trial took. */
async function trialThroughStep(stepMs: number): Promise<{ state: string; tookMs: number }> {
  let offsetMs = 0;
  let probes = 0;
  let startedAtMs = 0;
  const wall = () => Date.now() + offsetMs;
  const scripted = new ScriptedHost();
  const host: FirmwareHost = {
    start(booted) {
      const firmware = scripted.start(booted);
      startedAtMs = performance.now();
      return {
        ...firmware,
        async probe() {
          probes += 1;
          if (probes === 2) offsetMs = stepMs;
          return firmware.probe();
        },
      };
    },
  };
  const telemetry = new RecordingTelemetry(wall);
  // An earlier batch has been acknowledged, by the clock as it was.
  await telemetry.flush();
  await bench.start({ trialMs: TRIAL_MS }, { host, telemetry, now: wall });
  const { state } = await bench.update({
    version: '1.0.0',
    artifact: await firmwareBundle('1.0.0'),
  });
  expect(probes).toBeGreaterThanOrEqual(2);
  return { state, tookMs: performance.now() - startedAtMs };
}

describe('a clock that is set during a trial', () => {
  it('does not confirm firmware before its trial is over when it is set forward', async () => {
    const { state, tookMs } = await trialThroughStep(HOUR_MS);
    expect(state).toBe('confirmed');
    expect(tookMs).toBeGreaterThanOrEqual(TRIAL_MS);
  });

  it('does not let the trial hang when it is set back', async () => {
    const { state, tookMs } = await trialThroughStep(-HOUR_MS);
    expect(state).toBe('confirmed');
    expect(tookMs).toBeLessThan(10 * TRIAL_MS);
  });
});
