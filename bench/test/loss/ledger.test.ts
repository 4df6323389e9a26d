import { describe, expect, it } from 'vitest';
import { balance } from '../../src/loss/ledger.ts';

const stream = (deviceId: string, points: number) => ({
  deviceId,
  signal: 'metrics' as const,
  batches: 1,
  points,
  failedAttempts: 0,
});
const row = (DeviceId: string, Stored: number, Distinct: number, Beyond = 0) => ({
  Signal: 'metrics' as const,
  DeviceId,
  Stored,
  Distinct,
  Beyond,
});

describe('balance', () => {
  it('finds nothing wrong where every number is stored once', () => {
    expect(balance([stream('a', 20)], [row('a', 20, 20)])).toEqual({
      sent: 20,
      stored: 20,
      lost: 0,
      doubled: 0,
      invented: 0,
    });
  });

  it('counts a device without any row as lost', () => {
    expect(balance([stream('a', 20), stream('b', 5)], [row('a', 20, 20)])).toMatchObject({
      lost: 5,
    });
  });

  it('does not let a doubled row stand in for a lost one', () => {
    expect(balance([stream('a', 20)], [row('a', 20, 19)])).toMatchObject({ lost: 1, doubled: 1 });
  });

  it('does not let a number nobody sent stand in for a lost one', () => {
    expect(balance([stream('a', 20)], [row('a', 20, 20, 1)])).toMatchObject({
      lost: 1,
      invented: 1,
    });
  });
});
