import { expect, it } from 'vitest';
import { fuzzPatches } from '../src/testing/fuzz/fuzz-run.ts';
import { fuzzSeeds } from '../src/testing/fuzz/fuzz-seeds.ts';
import { PATCH_MUTATIONS } from '../src/testing/fuzz/patch-mutations.ts';

/** `npm run bench -- fuzz-delta` goes on where this ends. */
it('only refuses, or makes the right target of, patches broken in any known way', async () => {
  const { counts, surprises } = await fuzzPatches(fuzzSeeds(), 100 * PATCH_MUTATIONS.length, 1);
  expect(surprises).toEqual([]);
  const refused = (of: ReadonlyMap<string, number>) =>
    [...of].reduce((sum, [outcome, n]) => (outcome === 'same' ? sum : sum + n), 0);
  // A kind of damage that seldom does any would prove nothing.
  for (const [name, of] of counts) expect(refused(of), name).toBeGreaterThan(40);
  expect(counts.size).toBe(PATCH_MUTATIONS.length);
}, 300_000);
