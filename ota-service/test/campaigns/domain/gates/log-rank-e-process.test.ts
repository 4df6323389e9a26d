import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  LOG_RANK_START,
  logRankLogE,
  logRankStep,
  type LogRankState,
} from '../../../../src/campaigns/domain/gates/log-rank-e-process.ts';
// Values of an independent implementation in Python (numpy, scipy).
import golden from './golden-vectors.json' with { type: 'json' };

const atRisk = fc.integer({ min: 1, max: 1_000_000 });

describe('evidence against the tolerated hazard ratio', () => {
  it('agrees with the reference after each event', () => {
    let [updatedAtRisk = 0, controlAtRisk = 0] = golden.logrank.start;
    let state: LogRankState = LOG_RANK_START;
    const seen = golden.logrank.events.split('').map((letter) => {
      const failed = letter === 'C' ? 'updated' : 'control';
      state = logRankStep(state, { failed, updatedAtRisk, controlAtRisk });
      if (failed === 'updated') updatedAtRisk -= 1;
      else controlAtRisk -= 1;
      return logRankLogE(state);
    });
    expect(seen).toHaveLength(golden.logrank.logE.length);
    seen.forEach((logE, i) => expect(Math.abs(logE - golden.logrank.logE[i]!)).toBeLessThan(1e-9));
  });

  it('rises with an updated device, falls with a control one, and averages 1 at the tolerance', () => {
    fc.assert(
      fc.property(atRisk, atRisk, (updatedAtRisk, controlAtRisk) => {
        const after = (failed: 'updated' | 'control') =>
          logRankLogE(logRankStep(LOG_RANK_START, { failed, updatedAtRisk, controlAtRisk }));
        expect(after('updated')).toBeGreaterThan(0);
        expect(after('control')).toBeLessThan(0);
        const share = (1.5 * updatedAtRisk) / (1.5 * updatedAtRisk + controlAtRisk);
        const mean = share * Math.exp(after('updated')) + (1 - share) * Math.exp(after('control'));
        expect(mean).toBeCloseTo(1, 9);
      }),
    );
  });

  it('learns nothing where only one side can fail', () => {
    const onlyUpdated = { failed: 'updated', updatedAtRisk: 5, controlAtRisk: 0 } as const;
    const onlyControl = { failed: 'control', updatedAtRisk: 0, controlAtRisk: 5 } as const;
    for (const event of [onlyUpdated, onlyControl]) {
      expect(logRankLogE(logRankStep(LOG_RANK_START, event))).toBeCloseTo(0, 12);
    }
  });

  it.each(['updated', 'control'] as const)('refuses a failed %s device nobody had', (failed) => {
    const event = { failed, updatedAtRisk: 0, controlAtRisk: 0 };
    expect(() => logRankStep(LOG_RANK_START, event)).toThrow(RangeError);
  });
});
