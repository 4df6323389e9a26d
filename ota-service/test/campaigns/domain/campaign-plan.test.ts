import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import {
  deviceRank,
  phaseOfRank,
  phaseSizes,
  planPhases,
} from '../../../src/campaigns/domain/campaign-plan.ts';
import { CAMPAIGN_ID, deviceNames } from '../sample-campaign.ts';

const golden = z
  .object({
    percents: z.array(z.number()),
    cumulativeSizes: z.record(z.string(), z.array(z.number())),
  })
  .parse(
    JSON.parse(readFileSync(new URL('../fixtures/phase-sizes.json', import.meta.url), 'utf8')),
  );

const percentsArbitrary = fc
  .uniqueArray(fc.integer({ min: 1, max: 999 }), { maxLength: 6 })
  .map((tenths) => [...tenths.sort((a, b) => a - b).map((t) => t / 10), 100]);

describe('phase sizes', () => {
  it.each(Object.entries(golden.cumulativeSizes))(
    'cuts %s devices as the reference',
    (n, sizes) => {
      expect(phaseSizes(Number(n), golden.percents)).toEqual(sizes);
    },
  );

  it.each([
    [100, [7, 100], [7, 100]],
    [1000, [0.1, 29, 100], [1, 290, 1000]],
    [0, [1, 100], [0, 0]],
  ])('does not let binary fractions add a device: %i at %j', (n, percents, sizes) => {
    expect(phaseSizes(n, percents)).toEqual(sizes);
  });

  it('never falls, never exceeds the fleet and ends with all of it', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 5000 }), percentsArbitrary, (n, percents) => {
        const sizes = phaseSizes(n, percents);
        expect(sizes.at(-1)).toBe(n);
        for (const [i, size] of sizes.entries()) {
          const previous = sizes[i - 1] ?? 0;
          expect(size).toBeLessThanOrEqual(n);
          expect(size).toBeGreaterThanOrEqual(Math.min(n, i < sizes.length - 1 ? previous + 1 : n));
        }
      }),
    );
  });
});

describe('membership', () => {
  it('ranks by SHA-256 over both ids', () => {
    const expected = createHash('sha256').update(`${CAMPAIGN_ID}device-1`).digest('hex');
    expect(deviceRank(CAMPAIGN_ID, 'device-1')).toBe(expected);
  });

  it('puts exactly the planned number of devices into each phase', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 200 }), percentsArbitrary, (n, percents) => {
        const ids = deviceNames(n);
        const phases = planPhases(CAMPAIGN_ID, ids, percents);
        const cutoffs = phases.map((phase) => phase.cutoff);
        const counts = phases.map(() => 0);
        for (const id of ids) {
          const index = phaseOfRank(deviceRank(CAMPAIGN_ID, id), cutoffs) - 1;
          counts[index] = (counts[index] ?? 0) + 1;
        }
        expect(counts).toEqual(phases.map((phase) => phase.plannedDevices));
        expect(counts.reduce((a, b) => a + b, 0)).toBe(n);
      }),
      { numRuns: 50 },
    );
  });

  it('finds a phase for a device that joins later, whatever its rank', () => {
    const cutoffs = planPhases(CAMPAIGN_ID, ['only'], [1, 10, 100]).map((p) => p.cutoff);
    expect(phaseOfRank('f'.repeat(64), cutoffs)).toBe(3);
    expect(phaseOfRank('0'.repeat(64), cutoffs)).toBe(1);
  });

  it('orders the same devices differently for another campaign', () => {
    const ids = deviceNames(100);
    const first = (campaign: string) =>
      ids.toSorted((a, b) => (deviceRank(campaign, a) < deviceRank(campaign, b) ? -1 : 1))[0];
    const canaries = new Set(['cmp_a', 'cmp_b', 'cmp_c', 'cmp_d', 'cmp_e'].map(first));
    expect(canaries.size).toBeGreaterThan(1);
  });
});
