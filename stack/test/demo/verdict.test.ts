import { describe, expect, it } from 'vitest';
import { formatChecks, judgeDemo } from '../../src/demo/verdict.ts';
import type { Evidence } from '../../src/story/evidence.ts';

const good: Evidence = {
  fullBytes: 94_000,
  deltaBytes: 900,
  secondsToPause: 2.5,
  secondsFromFirstCrash: 6,
  exposedDevices: 1,
  exposedOnDisk: ['device-03'],
  confirmedByDelta: 10,
  rolledBack: ['device-03'],
  runningVersions: { '1.1.0': 10 },
  acknowledgedRows: 5000,
  storedRows: 5000,
  lostRows: 0,
  doubledRows: 0,
};
const failing = (change: Partial<Evidence>) =>
  judgeDemo({ ...good, ...change }, 10)
    .filter((check) => !check.met)
    .map((check) => check.name);

describe('judgeDemo', () => {
  it('is content with the promised story', () => {
    expect(failing({})).toEqual([]);
  });

  it.each<[Partial<Evidence>, string]>([
    [{ deltaBytes: 18_800 }, 'delta 1.0.0 -> 1.1.0, bytes'],
    [{ confirmedByDelta: 9 }, 'devices confirmed 1.1.0 by delta'],
    [{ secondsToPause: 10.1 }, 'failure record to pause, s'],
    [{ secondsToPause: Number.NaN }, 'failure record to pause, s'],
    [{ secondsToPause: -1 }, 'failure record to pause, s'],
    [{ exposedDevices: 2 }, 'devices exposed to 1.2.0'],
    [{ exposedOnDisk: ['device-04'] }, '1.2.0 left on disk'],
    [{ rolledBack: [] }, 'rolled back by itself'],
    [{ runningVersions: { '1.1.0': 9, none: 1 } }, 'running versions'],
    [{ acknowledgedRows: 0, storedRows: 0 }, 'rows acknowledged to agents'],
    [{ lostRows: 1 }, 'rows lost'],
    [{ doubledRows: 1 }, 'rows doubled'],
  ])('%j fails "%s"', (change, name) => {
    expect(failing(change)).toContain(name);
  });
});

describe('formatChecks', () => {
  it('marks what was not met', () => {
    const table = formatChecks(judgeDemo({ ...good, lostRows: 3 }, 10));
    expect(table.split('\n').filter((line) => line.endsWith('NOT MET'))).toHaveLength(1);
  });
});
