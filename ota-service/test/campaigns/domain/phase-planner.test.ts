import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { planPhases } from '../../../src/campaigns/domain/campaign-plan.ts';
import { PhasePlanner } from '../../../src/campaigns/domain/phase-planner.ts';
import { CAMPAIGN_ID, deviceNames } from '../sample-campaign.ts';

const percentsArbitrary = fc
  .uniqueArray(fc.integer({ min: 1, max: 999 }), { maxLength: 6 })
  .map((tenths) => [...tenths.sort((a, b) => a - b).map((t) => t / 10), 100]);

function plan(counted: readonly string[], collected: readonly string[], percents: number[]) {
  const planner = new PhasePlanner(CAMPAIGN_ID, percents);
  for (const id of counted) planner.count(id);
  planner.endCount();
  for (const id of collected) planner.collect(id);
  return planner.phases();
}

describe('planning in two passes', () => {
  it('cuts exactly as sorting the whole fleet does, in whatever order it is shown', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2000 }), percentsArbitrary, (n, percents) => {
        const ids = deviceNames(n);
        const expected = planPhases(CAMPAIGN_ID, ids, percents);
        expect(plan(ids, ids.toReversed(), percents)).toEqual(expected);
      }),
      { numRuns: 10 },
    );
  });

  it('does not open a phase to more when a device leaves between the passes', () => {
    const ids = deviceNames(20);
    const [before] = planPhases(CAMPAIGN_ID, ids, [1, 100]);
    for (const gone of ids) {
      const [first] = plan(
        ids,
        ids.filter((id) => id !== gone),
        [1, 100],
      );
      expect(first?.cutoff.slice(0, 4)).toBe(before?.cutoff.slice(0, 4));
    }
  });
});
