import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  fullByteBucket,
  NEW_FLOOR_WINDOW,
  observeArrival,
  spendBytes,
} from '../../src/update/domain/transfer-pace.ts';

const pace = { maxBytesPerSecond: null, minBytesPerSecond: 100, floorWindowMs: 1000 };

describe('the limit of a download', () => {
  it('holds its rate whatever the sizes of the chunks', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 200_000 }), { minLength: 5, maxLength: 60 }),
        (chunks) => {
          let nowMs = 1000;
          let bucket = fullByteBucket(10_000, nowMs);
          let bytes = 0;
          for (const chunk of chunks) {
            const spent = spendBytes(bucket, 10_000, chunk, nowMs);
            bucket = spent.bucket;
            bytes += chunk;
            nowMs += spent.waitMs;
          }
          const elapsedMs = nowMs - 1000;
          expect(bytes).toBeLessThanOrEqual(2_500 + (elapsedMs * 10_000) / 1000);
          expect(bytes).toBeGreaterThanOrEqual(((elapsedMs - chunks.length) * 10_000) / 1000);
        },
      ),
    );
  });

  it('is not bought with a clock that was set back', () => {
    const bucket = { tokens: -500, refilledAtMs: 10_000 };
    expect(spendBytes(bucket, 1000, 1, 2_000).waitMs).toBe(501);
  });
});

describe('the floor of a download', () => {
  const arrive = (bytes: number, waitedMs: number, times: number) => {
    let window = NEW_FLOOR_WINDOW;
    for (let count = 0; count < times; count += 1) {
      const seen = observeArrival(window, { bytes, waitedMs }, pace);
      if (seen.kind === 'slow') return count;
      window = seen.window;
    }
    return null;
  };

  it('cuts a trickle once a whole window is over', () => {
    expect(arrive(1, 100, 100)).toBe(9);
  });

  it('leaves alone what stays above it, and a single pause within the window', () => {
    expect(arrive(11, 100, 100)).toBeNull();
    const paused = observeArrival(NEW_FLOOR_WINDOW, { bytes: 1, waitedMs: 999 }, pace);
    expect(paused.kind).toBe('ok');
  });

  it('counts no time in which nobody waited for the server', () => {
    expect(arrive(1, 0, 10_000)).toBeNull();
  });
});
