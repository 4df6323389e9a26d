import { beforeEach, describe, expect, it } from 'vitest';
import { decideMaintenance, parseWindows } from '../../src/update/domain/maintenance-window.ts';
import { RecordingTelemetry } from '../../src/testing/recording-telemetry.ts';
import { newAttempt } from '../../src/update/update-attempt.ts';
import type { UpdateReporter } from '../../src/update/update-reporter.ts';
import { UpdateWait } from '../../src/update/update-wait.ts';

const NOON = Date.parse('2026-03-04T12:00:00Z');
const LOOK_MS = 60_000;
const times = { windows: parseWindows('Wed 22:00-23:00'), timeZone: 'UTC' };
const newId = () => '3f2b8c1e-6f0a-4b7e-9c55-0d6a3a1f0b11';
const campaign = { campaignId: 'cmp_000000000001', phase: 1, round: 1 };
const aim = { deployment: null, version: '1.1.0', target: null, fromVersion: null };
const attempt = newAttempt(campaign, aim, newId);

let nowMs: number;
let telemetry: RecordingTelemetry;
let wait: UpdateWait;
let told: string[];
beforeEach(() => {
  nowMs = NOON;
  told = [];
  telemetry = new RecordingTelemetry();
  const reporter: Pick<UpdateReporter, 'waiting'> = {
    waiting: (_attempt, _reportId, { why }) => Promise.resolve(void told.push(why)),
  };
  wait = new UpdateWait({ reporter, telemetry, newId, now: () => nowMs });
});

/** As the agent does at every look. */
async function look(): Promise<void> {
  const decision = decideMaintenance(times, nowMs);
  if (decision.kind === 'wait') await wait.begin(attempt, decision);
  else wait.over();
}

describe('a wait for a window', () => {
  it.each([
    ['back by a day', NOON - 86_400_000],
    ['back to 1970, as by a clock without its battery', 0],
    ['ahead by ten years', Date.parse('2036-03-05T12:00:00Z')],
  ])('ends within a minute of the right time after the clock went %s', async (_, wrongMs) => {
    await look();
    expect(wait.leftMs()).toBe(LOOK_MS);
    nowMs = wrongMs;
    expect(wait.leftMs()).toBeLessThanOrEqual(LOOK_MS);
    await look();
    expect(wait.leftMs()).toBeLessThanOrEqual(LOOK_MS);
    nowMs = Date.parse('2026-03-04T22:30:00Z');
    await look();
    expect(wait.leftMs()).toBeNull();
    expect(telemetry.waits).toEqual(['window', null]);
    expect(told).toHaveLength(1);
  });

  it('begins again when the clock is set back out of the window', async () => {
    nowMs = Date.parse('2026-03-04T22:30:00Z');
    await look();
    expect(wait.reason).toBeNull();
    nowMs = NOON;
    await look();
    expect(wait.reason).toBe('window');
  });
});

describe('what passes by itself', () => {
  it('is told by its kind alone, and not while something else is waited for', async () => {
    wait.passing('backoff');
    await look();
    wait.passing(null);
    expect(telemetry.waits).toEqual(['backoff', 'window']);
    wait.over();
    expect(telemetry.waits.at(-1)).toBeNull();
    expect(told).toHaveLength(1);
  });

  it('does not make the agent look sooner', () => {
    wait.passing('space');
    expect(wait.leftMs()).toBeNull();
  });
});
