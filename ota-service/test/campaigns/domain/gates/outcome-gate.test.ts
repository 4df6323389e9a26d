import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  countShare,
  toleratedProbability,
  weighOutcomes,
  type PhaseOutcomes,
} from '../../../../src/campaigns/domain/gates/outcome-gate.ts';

const phase = (over: Partial<PhaseOutcomes> = {}): PhaseOutcomes => ({
  phase: 1,
  devices: 1000,
  started: 0,
  failures: 0,
  ...over,
});

const breachOf = (phases: readonly PhaseOutcomes[], threshold = 0.05) =>
  weighOutcomes(phases, 3, threshold)?.breach;

describe('tolerated probability', () => {
  it.each([
    [0, 0.02],
    [0.01, 0.02],
    [0.05, 0.02],
    [0.075, 0.06],
    [0.1, 0.1],
    [0.2, 0.2],
    [1, null],
  ])('for a limit of %d is %d', (threshold, expected) => {
    const tolerated = toleratedProbability(threshold);
    if (expected === null) expect(tolerated).toBeNull();
    else expect(tolerated).toBeCloseTo(expected, 12);
  });

  it('never falls as the limit rises, nor exceeds a limit above 2 %', () => {
    const limit = fc.double({ min: 0, max: 0.999, noNaN: true });
    fc.assert(
      fc.property(limit, limit, (a, b) => {
        const [low, high] = [
          toleratedProbability(Math.min(a, b))!,
          toleratedProbability(Math.max(a, b))!,
        ];
        expect(low).toBeLessThanOrEqual(high);
        expect(high).toBeLessThanOrEqual(Math.max(0.02, a, b));
      }),
    );
  });
});

describe('outcome gate', () => {
  it('spends at most 2.5 % on counts, whatever the number of phases', () => {
    for (let count = 1; count <= 20; count += 1) {
      const shares = Array.from({ length: count }, (_, i) => countShare(i + 1, count));
      expect(shares.reduce((sum, share) => sum + share, 0)).toBeLessThanOrEqual(0.025 + 1e-12);
    }
    expect([1, 2, 3].map((n) => countShare(n, 3))).toEqual([0.02, 0.0025, 0.0025]);
  });

  it('adds failures up over the phases', () => {
    const canary = phase({ devices: 10, started: 10, failures: 1 });
    const second = phase({ phase: 2, devices: 90, started: 20, failures: 4 });
    expect(breachOf([canary])).toBeNull();
    expect(breachOf([canary, second])).toEqual({ rule: 'e_process' });
  });

  it('takes a slow drift for what it is by its count', () => {
    expect(breachOf([phase({ started: 1000, failures: 30 })])).toBeNull();
    const drifted = breachOf([phase({ started: 1000, failures: 31 })]);
    expect(drifted).toEqual({ rule: 'count_boundary', phase: 1 });
  });

  it('is not rushed by failures that report before the successes', () => {
    const early = phase({ started: 500, failures: 3 });
    expect(breachOf([early])).toBeNull();
    // The same three failures alone would be strong evidence.
    expect(breachOf([{ ...early, started: 3 }])).toEqual({ rule: 'e_process' });
  });

  it.each([
    [0.05, true],
    [0.2, false],
    [1, undefined],
  ])('with a limit of %d pauses at 4 %%: %s', (threshold, expected) => {
    const evidence = weighOutcomes([phase({ started: 1000, failures: 40 })], 3, threshold);
    expect(evidence === null ? undefined : evidence.breach !== null).toBe(expected);
  });

  it('never breaches without failures, and not less for one failure more', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(3000), fc.double({ min: 0, max: 1, noNaN: true })), {
          minLength: 1,
          maxLength: 4,
        }),
        fc.double({ min: 0, max: 0.99, noNaN: true }),
        (list, threshold) => {
          const phases = list.map(([devices, share], i) =>
            phase({
              phase: i + 1,
              devices,
              started: devices,
              failures: Math.floor(devices * share),
            }),
          );
          const clean = phases.map((p) => ({ ...p, failures: 0 }));
          expect(weighOutcomes(clean, phases.length, threshold)?.breach).toBeNull();
          const breach = weighOutcomes(phases, phases.length, threshold)?.breach;
          const worse = phases.map((p) => ({
            ...p,
            failures: Math.min(p.started, p.failures + 1),
          }));
          if (breach) {
            expect(weighOutcomes(worse, phases.length, threshold)?.breach).not.toBeNull();
          }
        },
      ),
    );
  });
});
