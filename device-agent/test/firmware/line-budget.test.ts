import { expect, it } from 'vitest';
import { fullBudget, spendLine } from '../../src/firmware/domain/line-budget.ts';

it('lets a burst through, then the rate, and counts what it dropped in between', () => {
  const rate = { linesPerSecond: 10, burst: 5 };
  let budget = fullBudget(rate, 0);
  const send = (atMs: number) => {
    const spent = spendLine(budget, rate, atMs);
    budget = spent.budget;
    return spent.admitted?.droppedBefore ?? null;
  };
  expect(Array.from({ length: 8 }, () => send(0))).toEqual([0, 0, 0, 0, 0, null, null, null]);
  expect(send(100)).toBe(3);
  expect(send(150)).toBe(null);
  expect(send(200)).toBe(1);
  expect(Array.from({ length: 6 }, () => send(60_000))).toEqual([0, 0, 0, 0, 0, null]);
});
