import fc from 'fast-check';
import { expect, it } from 'vitest';
import {
  afterUpdateReport,
  isInWindow,
  type CanaryWindow,
} from '../../../src/telemetry/domain/canary-window.ts';

const rules = { afterMs: 1000, maxTrialMs: 5000 };
const report = (window: CanaryWindow | null, state: string, nowMs: number) =>
  afterUpdateReport(window, state, rules, nowMs);

it('opens with the trial and closes a time after the outcome', () => {
  const trial = report(null, 'trial', 100);
  expect(isInWindow(trial, rules, 100)).toBe(true);
  for (const state of ['confirmed', 'failed', 'rolled_back']) {
    const ended = report(trial, state, 2000);
    expect(ended).toEqual({ openedAtMs: 100, closesAtMs: 3000 });
    expect(isInWindow(ended, rules, 2999)).toBe(true);
    expect(isInWindow(ended, rules, 3000)).toBe(false);
  }
});

it('ends a trial without an outcome after its longest time', () => {
  const trial = report(null, 'trial', 0);
  expect(isInWindow(trial, rules, 4999)).toBe(true);
  expect(isInWindow(trial, rules, 5000)).toBe(false);
});

it('opens for a rollback that nobody saw begin, not for an update that never booted', () => {
  expect(isInWindow(report(null, 'rolled_back', 100), rules, 200)).toBe(true);
  for (const state of ['offered', 'downloading', 'installing', 'failed', 'confirmed']) {
    expect(report(null, state, 100)).toBeNull();
  }
});

it('is never open for longer than its rules say, whatever the clock does', () => {
  const state = fc.constantFrom('trial', 'confirmed', 'failed', 'rolled_back', 'downloading');
  const event = fc.record({ state, atMs: fc.integer({ min: 0, max: 100_000 }) });
  fc.assert(
    fc.property(fc.array(event), fc.integer({ min: 0, max: 100_000 }), (events, nowMs) => {
      let window: CanaryWindow | null = null;
      for (const { state: reported, atMs } of events) window = report(window, reported, atMs);
      if (window === null || !isInWindow(window, rules, nowMs)) return;
      expect(window.closesAtMs - nowMs).toBeGreaterThan(0);
      expect(window.closesAtMs - nowMs).toBeLessThanOrEqual(5000);
    }),
  );
});
