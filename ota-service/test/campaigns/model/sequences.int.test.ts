import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { sequences } from './campaign-sequence.ts';
import { Registries } from './fleet.ts';
import { newTally, runSequence } from './run-sequence.ts';

let registries: Registries;

beforeAll(async () => {
  registries = await Registries.open();
});
afterAll(() => registries.close());

it('keeps its promises over any sequence of actions, reports, crashes and clock jumps', async () => {
  // A slice; `npm run bench -- campaign-model` runs thousands.
  const tally = newTally();
  await fc.assert(
    fc.asyncProperty(sequences, (sequence) => runSequence(registries, sequence, tally)),
    { numRuns: 40, seed: 20261124 },
  );
  for (const [what, times] of Object.entries(tally)) expect(times, what).toBeGreaterThan(0);
}, 300_000);
