import { describe, expect, it } from 'vitest';
import { decideTrial, type TrialObservation } from '../../src/firmware/domain/trial-decision.ts';

const rules = { startTimeoutMs: 10_000, trialMs: 5_000, maxFailedProbes: 3, maxRssBytes: null };
const well: TrialObservation = {
  elapsedMs: 6_000,
  ended: null,
  healthy: true,
  sinceHealthyMs: 5_000,
  failedProbesInARow: 0,
  probes: [],
  rssBytes: null,
  telemetryAcknowledged: true,
};

describe('the decision about a trial', () => {
  it.each<[string, Partial<TrialObservation>, object]>([
    ['all is well for the whole window', {}, { kind: 'pass' }],
    ['the window is not over', { sinceHealthyMs: 4_999 }, { kind: 'wait' }],
    [
      'it has not answered yet',
      { healthy: false, sinceHealthyMs: null, failedProbesInARow: 9 },
      { kind: 'wait' },
    ],
    [
      'it never answers',
      { elapsedMs: 10_000, healthy: false, sinceHealthyMs: null },
      { kind: 'fail', reason: 'trial_unhealthy' },
    ],
    [
      'nothing was probed in time',
      { elapsedMs: 10_000, healthy: null, sinceHealthyMs: null },
      { kind: 'fail', reason: 'trial_unhealthy' },
    ],
    [
      'it stopped answering',
      { sinceHealthyMs: 2_000, healthy: false, failedProbesInARow: 3 },
      { kind: 'fail', reason: 'trial_unhealthy' },
    ],
    ['it hesitates at the end', { healthy: false, failedProbesInARow: 1 }, { kind: 'wait' }],
    ['it crashed', { ended: 'exited with code 1' }, { kind: 'fail', reason: 'trial_crashed' }],
    [
      'it crashed in the moment the window closed',
      { ended: 'was ended by SIGSEGV', sinceHealthyMs: 9_000 },
      { kind: 'fail', reason: 'trial_crashed' },
    ],
    ['telemetry may still come', { telemetryAcknowledged: false }, { kind: 'wait' }],
    [
      'telemetry never came',
      { telemetryAcknowledged: false, elapsedMs: 10_000 },
      { kind: 'fail', reason: 'trial_telemetry_lost' },
    ],
  ])('%s', (_name, change, expected) => {
    expect(decideTrial({ ...well, ...change }, rules)).toMatchObject(expected);
  });
});
