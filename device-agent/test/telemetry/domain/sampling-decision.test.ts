import fc from 'fast-check';
import { expect, it } from 'vitest';
import {
  decideSample,
  type SamplingRules,
  type SamplingState,
} from '../../../src/telemetry/domain/sampling-decision.ts';
import { samplingPosition } from '../../../src/telemetry/domain/sampling-position.ts';
import { fullBucket } from '../../../src/telemetry/domain/token-bucket.ts';

const rules: SamplingRules = {
  ratios: { trace: 0.25, debug: 0.5, info: 1 },
  keyRate: { perSecond: 5, burst: 10 },
  bound: { perSecond: 50, burst: 100 },
  urgentBound: { perSecond: 40, burst: 80 },
};
const fresh = (from: SamplingRules): SamplingState => ({
  key: { bucket: fullBucket(from.keyRate, 0), owed: 0 },
  bound: fullBucket(from.bound, 0),
  urgentBound: fullBucket(from.urgentBound, 0),
});
const seen = { severityNumber: 9, position: 0, canaryWindow: false, thrift: 1 };
const arrival = fc.record({
  severityNumber: fc.integer({ min: 0, max: 24 }),
  position: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
  canaryWindow: fc.boolean(),
  thrift: fc.constantFrom(1, 0.5, 0.1, 0),
  afterMs: fc.integer({ min: -100, max: 2000 }),
});

it('keeps WARN and above up to a bound of their own, and says why it drops the rest', () => {
  fc.assert(
    fc.property(fc.array(arrival, { maxLength: 400 }), (arrivals) => {
      let state = fresh(rules);
      let nowMs = 0;
      let urgent = rules.urgentBound.burst;
      let urgentAtMs = 0;
      let kept = 0;
      let dropped = 0;
      for (const { afterMs, ...observed } of arrivals) {
        nowMs += afterMs;
        const decision = decideSample(state, observed, rules, nowMs);
        state = decision.state;
        if (observed.severityNumber >= 13) {
          urgent = Math.min(80, urgent + (40 * Math.max(0, nowMs - urgentAtMs)) / 1000);
          urgentAtMs = nowMs;
          const hasRoom = urgent >= 1;
          expect(decision).toMatchObject({ keep: hasRoom, reason: hasRoom ? null : 'bound' });
          if (hasRoom) urgent -= 1;
        }
        expect(decision.keep).toBe(decision.reason === null);
        if (decision.keep) {
          kept += 1;
          expect(decision.adjustedCount).toBeGreaterThanOrEqual(1);
        } else dropped += 1;
        expect(state.key.bucket.tokens).toBeGreaterThanOrEqual(0);
        expect(state.bound.tokens).toBeGreaterThanOrEqual(0);
      }
      expect(kept + dropped).toBe(arrivals.length);
    }),
  );
});

it('accounts for every record a rate or a bound leaves out', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 300 }), { minLength: 1, maxLength: 300 }),
      fc.constantFrom(9, 13),
      (gaps, severityNumber) => {
        let state = fresh(rules);
        let nowMs = 0;
        let estimate = 0;
        for (const gap of gaps) {
          nowMs += gap;
          const decision = decideSample(state, { ...seen, severityNumber }, rules, nowMs);
          state = decision.state;
          estimate += decision.adjustedCount;
        }
        expect(estimate + state.key.owed).toBeCloseTo(gaps.length, 6);
      },
    ),
  );
});

it('estimates without bias: over all positions alike, the adjusted counts add up to what was seen', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 5 }), fc.constantFrom(1, 5, 9), (rounds, severity) => {
      let state = fresh(rules);
      let estimate = 0;
      const count = rounds * 100;
      for (let index = 0; index < count; index += 1) {
        const observed = { ...seen, severityNumber: severity, position: (index % 100) / 100 };
        const decision = decideSample(state, observed, rules, index * 7);
        state = decision.state;
        estimate += decision.adjustedCount;
      }
      expect(estimate + state.key.owed).toBeCloseTo(count, 6);
    }),
  );
});

it('keeps all in the canary window, up to the bound', () => {
  const keptOf = (canaryWindow: boolean) => {
    let state = fresh(rules);
    let kept = 0;
    for (let index = 0; index < 300; index += 1) {
      const decision = decideSample(
        state,
        { ...seen, severityNumber: 5, position: 0.9, canaryWindow },
        rules,
        0,
      );
      state = decision.state;
      if (decision.keep) kept += 1;
      else expect(decision.reason).toBe(canaryWindow ? 'bound' : 'ratio');
    }
    return kept;
  };
  expect(keptOf(true)).toBe(rules.bound.burst);
  expect(keptOf(false)).toBe(0);
});

it('puts keys evenly, and the same key always at the same place', () => {
  const places = Array.from({ length: 10_000 }, (_, index) => samplingPosition(`sensor-${index}`));
  for (let tenth = 0; tenth < 10; tenth += 1) {
    const share = places.filter((place) => Math.floor(place * 10) === tenth).length;
    expect(share).toBeGreaterThan(850);
    expect(share).toBeLessThan(1150);
  }
  expect(samplingPosition('sensor-1')).toBe(places[1]);
});

it('keeps the traces that a consistent probability sampler keeps', () => {
  // Threshold of a ratio of a quarter: randomness of at least c0000000000000 (56 bits).
  const trace = (randomness: string) => samplingPosition(`000000000000000001${randomness}`);
  expect(trace('c0000000000000')).toBeLessThan(0.25);
  expect(trace('bfffffffffffff')).toBeGreaterThanOrEqual(0.25);
  expect(trace('ffffffffffffff')).toBe(0);
});
