import { expect, it } from 'vitest';
import { atLeast, atMost, describeGoal, notMeasured } from '../../src/harness/bench.ts';

it.each([
  [atMost('cost', 0.5, 0.5, 'ratio'), true, 'goal met: cost: 0.5 ratio (at most 0.5)'],
  [atMost('cost', 0.6, 0.5, 'ratio'), false, 'goal MISSED: cost: 0.6 ratio (at most 0.5)'],
  [atLeast('rate', 9, 10, '/s'), false, 'goal MISSED: rate: 9 /s (at least 10)'],
  [atLeast('rate', 10, 10, '/s'), true, 'goal met: rate: 10 /s (at least 10)'],
  [atMost('cost', NaN, 0.5, 'ratio'), false, 'goal MISSED: cost: NaN ratio (at most 0.5)'],
  [notMeasured('cost', 'at most', 1, 's'), null, 'goal not measured: cost (at most 1 s)'],
])('judges a goal by its bound: %o', (goal, met, words) => {
  expect(goal.met).toBe(met);
  expect(describeGoal(goal)).toBe(words);
});
