import { describe, expect, it } from 'vitest';
import { isDue } from '../../src/consume/is-due.ts';

describe('isDue', () => {
  const limits = { aheadRecords: 10, maxAgeMs: 200 };
  it.each([
    ['nothing waits', 0, false, 0, 9_999, false],
    ['a few that are young', 9, false, 1_000, 1_199, false],
    ['a few of age', 1, false, 1_000, 1_200, true],
    ['a few of age, while a range is being stored', 9, true, 1_000, 9_999, false],
    ['a backlog', 10, false, 1_000, 1_000, true],
    ['a backlog, while a range is being stored', 10, true, 1_000, 1_000, true],
  ])('%s', (_, backlogRecords, isStoring, waitingSinceMs, nowMs, due) => {
    expect(isDue({ backlogRecords, isStoring, waitingSinceMs }, limits, nowMs)).toBe(due);
  });
});
