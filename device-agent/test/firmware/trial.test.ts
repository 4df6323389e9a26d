import { describe, expect, it } from 'vitest';
import { watchTrial } from '../../src/firmware/trial.ts';
import { RecordingTelemetry } from '../../src/testing/recording-telemetry.ts';
import { scriptedFirmware } from '../../src/testing/scripted-firmware.ts';
import { silent } from '../agent-bench.ts';

const options = {
  rules: { trialMs: 40, startTimeoutMs: 120, maxFailedProbes: 3, maxRssBytes: null },
  probes: [],
  watchdog: { pet: async () => {} },
  probeIntervalMs: 5,
  monotonicNow: () => performance.now(),
  logger: silent,
};

describe('telemetry during a trial', () => {
  it('counts as lost when all that was acknowledged came before, in a future the clock has left', async () => {
    let wallMs = 1_000_000;
    const telemetry = new RecordingTelemetry(() => wallMs);
    await telemetry.flush();
    telemetry.connected = false;
    wallMs = 0;
    const firmware = scriptedFirmware('good');
    const result = await watchTrial(
      firmware,
      { ...options, telemetry },
      AbortSignal.timeout(5_000),
    );
    expect(result).toMatchObject({ kind: 'fail', reason: 'trial_telemetry_lost' });
  });

  it('counts as arrived when the clock was set back before it was acknowledged', async () => {
    let wallMs = 1_000_000;
    const telemetry = new RecordingTelemetry(() => wallMs);
    await telemetry.flush();
    wallMs = 0;
    const firmware = scriptedFirmware('good');
    const result = await watchTrial(
      firmware,
      { ...options, telemetry },
      AbortSignal.timeout(5_000),
    );
    expect(result).toEqual({ kind: 'pass' });
  });
});
