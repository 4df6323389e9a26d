import { describe, expect, it } from 'vitest';
import {
  fixedRule,
  GATE_ALONE,
  HAWKBIT,
  raceRules,
  SHIPPED,
  SHORT_SAMPLE,
} from '../../src/verdicts/campaign-race.ts';
import { raceQuickFailures } from '../../src/verdicts/quick-failures.ts';

const CAMPAIGNS = 1500;
const LOOKS = { controlProbability: 0.01, lookEvery: 1 };

function race(devices: number, failureProbability: number, checked = 20) {
  const cell = { devices, failureProbability, campaigns: CAMPAIGNS, seed: 7, ...LOOKS };
  const pausedAt = raceRules(cell, checked);
  return (rule: number) => {
    const sorted = pausedAt[rule]!.slice().sort();
    const rate = sorted.filter(Number.isFinite).length / CAMPAIGNS;
    return { rate, median: sorted[CAMPAIGNS >> 1]! };
  };
}

describe('simulated campaigns', () => {
  it.each([
    [1, 0.3],
    [2, 0.3],
    [10, 0.1],
    [11, 0.02],
    [101, 0.05],
    [1000, 0.1],
  ])('of %d devices failing %d pause where the shipped judge does', (devices, probability) => {
    // Every campaign is checked against the judge; a difference throws.
    expect(() => race(devices, probability, CAMPAIGNS)).not.toThrow();
  });

  it('agree with an independent simulation of the same rules', () => {
    // Figures of simulations in Python; the tolerances are four standard errors or more.
    const small = race(1000, 0.02);
    expect(Math.abs(small(fixedRule(10)).rate - 0.3917)).toBeLessThan(0.06);
    expect(Math.abs(small(HAWKBIT).rate - 0.21)).toBeLessThan(0.05);
    expect(Math.abs(small(GATE_ALONE).rate - 0.0252)).toBeLessThan(0.02);
    const large = race(100_000, 0.1);
    expect(Math.abs(large(HAWKBIT).median - 507)).toBeLessThan(12);
    expect(Math.abs(large(GATE_ALONE).median - 44)).toBeLessThan(8);
    expect(large(fixedRule(10)).median).toBe(10);
  });

  it('pause between the gate alone and the plain limit beside it', () => {
    const bad = { devices: 1000, failureProbability: 0.05 };
    const cell = { ...bad, campaigns: CAMPAIGNS, seed: 3, ...LOOKS };
    const pausedAt = raceRules(cell, 0);
    for (let i = 0; i < CAMPAIGNS; i += 1) {
      const either = Math.min(pausedAt[GATE_ALONE]![i]!, pausedAt[HAWKBIT]![i]!);
      expect(pausedAt[SHORT_SAMPLE]![i]).toBeLessThanOrEqual(either);
      expect(pausedAt[SHIPPED]![i]).toBeLessThanOrEqual(pausedAt[GATE_ALONE]![i]!);
      expect(pausedAt[SHIPPED]![i]).toBeGreaterThanOrEqual(either);
    }
  });
});

describe('failures that report first', () => {
  const cell = { canaries: 1000, phaseCount: 3, campaigns: CAMPAIGNS, seed: 5 };
  const rate = (pausedAt: Float64Array) => pausedAt.filter(Number.isFinite).length / CAMPAIGNS;

  it('break the bound of a gate over finished devices, not of ours', () => {
    const late = raceQuickFailures({ ...cell, failureProbability: 0.02, successDelay: 200 });
    expect(rate(late.finishedOnly)).toBeGreaterThan(0.5);
    expect(rate(late.flotilla)).toBeLessThan(0.05);
  });

  it('make no difference without a delay', () => {
    const level = raceQuickFailures({ ...cell, failureProbability: 0.02, successDelay: 0 });
    expect(level.finishedOnly).toEqual(level.flotilla);
  });
});
