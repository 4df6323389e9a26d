import { describe, expect, it } from 'vitest';
import { whichAreDue, type Waiting } from '../../src/consume/is-due.ts';

const MAX_AGE_MS = 200;

function partition(more: Partial<Waiting>): Waiting {
  const idle = { isStoring: false, backlogRecords: 0, rangeRecords: 10, waitingSinceMs: null };
  return { ...idle, waitingSinceMs: more.backlogRecords === undefined ? null : 1_000, ...more };
}

describe('whichAreDue, of one partition', () => {
  it.each([
    ['nothing waits', 0, false, 9_999, false],
    ['a few that are young', 9, false, 1_199, false],
    ['a few of age', 1, false, 1_200, true],
    ['a few of age, while a range is being stored', 9, true, 9_999, false],
    ['a full range', 10, false, 1_000, true],
    ['a full range, while another is being stored', 10, true, 1_000, true],
  ])('%s', (_, backlogRecords, isStoring, nowMs, due) => {
    expect(whichAreDue([partition({ backlogRecords, isStoring })], MAX_AGE_MS, nowMs)).toEqual([
      due,
    ]);
  });
});

describe('whichAreDue, of several', () => {
  const due = (partitions: readonly Partial<Waiting>[], nowMs: number) =>
    whichAreDue(partitions.map(partition), MAX_AGE_MS, nowMs);

  it('lets those come along that are young, once one is of age', () => {
    const waiting = [{ backlogRecords: 1 }, { backlogRecords: 1, waitingSinceMs: 1_199 }, {}];
    expect(due(waiting, 1_199)).toEqual([false, false, false]);
    expect(due(waiting, 1_200)).toEqual([true, true, false]);
  });

  it('takes all as soon as they fill a range together', () => {
    expect(due([{ backlogRecords: 5 }, { backlogRecords: 4 }], 1_000)).toEqual([false, false]);
    expect(due([{ backlogRecords: 5 }, { backlogRecords: 5 }], 1_000)).toEqual([true, true]);
  });

  it('leaves out, and does not count, what is being stored', () => {
    const storing = { backlogRecords: 9, isStoring: true };
    expect(due([storing, { backlogRecords: 9 }], 1_000)).toEqual([false, false]);
    expect(due([storing, { backlogRecords: 1 }], 1_200)).toEqual([false, true]);
    expect(due([storing, { backlogRecords: 10 }], 1_000)).toEqual([false, true]);
  });
});
