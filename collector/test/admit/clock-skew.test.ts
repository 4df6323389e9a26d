import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { correctTimes } from '../../src/admit/clock-skew.ts';
import { timedRequest, type TimedRequest } from '../testing/timed-requests.ts';

const NOW = Date.parse('2026-03-01T12:00:00.000Z');
const RULE = { maxAheadMs: 600_000, oldestMs: Date.UTC(2020, 0, 1) };
const NS = 1_000_000n;
const OLDEST = BigInt(RULE.oldestMs) * NS;
const NEWEST = BigInt(NOW + RULE.maxAheadMs) * NS;
/** Bounds are compared to some hundred nanoseconds. */
const SLACK = 1_000n;

const nanoseconds = (min: bigint, max: bigint) => fc.bigInt({ min, max });
const plausible = fc.oneof(
  fc.constant(0n),
  nanoseconds(OLDEST + SLACK, BigInt(NOW) * NS),
  nanoseconds(BigInt(NOW) * NS, NEWEST - SLACK),
);
const unset = nanoseconds(NS, OLDEST - SLACK);
const ahead = nanoseconds(NEWEST + SLACK, 2n ** 63n - 1n);

function correct({ signal, body }: TimedRequest) {
  const after = Buffer.from(body);
  const entry = { start: 0, end: body.length };
  return { after, ...correctTimes(signal, after, entry, RULE, NOW) };
}

const timesOf = ({ times }: TimedRequest, bytes: Buffer) =>
  times.map(({ at, isStart }) => ({ time: bytes.readBigUInt64LE(at), isStart }));

describe('correctTimes', () => {
  it('leaves a request with plausible times byte for byte as it is', () => {
    fc.assert(
      fc.property(timedRequest(plausible), (request) => {
        const { after, items, offsetMs } = correct(request);
        expect(after.equals(request.body)).toBe(true);
        expect({ items, offsetMs }).toEqual({ items: request.items, offsetMs: undefined });
      }),
    );
  });

  it('changes nothing but times, whatever they are', () => {
    const anyTime = fc.oneof(plausible, unset, ahead, nanoseconds(0n, 2n ** 64n - 1n));
    fc.assert(
      fc.property(timedRequest(anyTime), (request) => {
        const { after } = correct(request);
        const before = Buffer.from(request.body);
        for (const { at } of request.times) for (const b of [before, after]) b.fill(0, at, at + 8);
        expect(after.equals(before)).toBe(true);
      }),
    );
  });

  it('leaves no item’s own time that no clock can have meant, and keeps unknown ones unknown', () => {
    const anyTime = fc.oneof(plausible, unset, ahead);
    fc.assert(
      fc.property(timedRequest(anyTime), (request) => {
        const before = timesOf(request, request.body);
        const after = timesOf(request, correct(request).after);
        for (const [i, { time, isStart }] of after.entries()) {
          if (before[i]!.time === 0n) expect(time).toBe(0n);
          else if (!isStart) {
            expect(time).toBeGreaterThanOrEqual(OLDEST);
            expect(time).toBeLessThanOrEqual(NEWEST + SLACK);
          }
        }
      }),
    );
  });

  it.each([
    ['never set', 60_000n * NS],
    ['that runs ahead', BigInt(Date.UTC(2106, 0, 1)) * NS],
  ])('moves the times of a clock %s so that the newest is now, distances kept', (_, base) => {
    const near = nanoseconds(0n, 3_600_000n * NS).map((distance) => base + distance);
    fc.assert(
      fc.property(timedRequest(near), (request) => {
        const own = (bytes: Buffer) =>
          timesOf(request, bytes).filter(({ isStart }) => !isStart && request.signal !== 'traces');
        const before = own(request.body).map(({ time }) => time);
        if (before.length === 0) return;
        const { after, offsetMs } = correct(request);
        const moved = own(after).map(({ time }) => time);
        const offset = BigInt(offsetMs!) * NS;
        expect(moved).toEqual(before.map((time) => time + offset));
        const newest = moved.reduce((max, time) => (time > max ? time : max));
        // The newest is found in rounded nanoseconds.
        expect(Math.abs(Number(newest / NS) - NOW)).toBeLessThanOrEqual(1);
      }),
    );
  });
});
