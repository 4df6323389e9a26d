import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decideRange } from '../../src/http/byte-range.ts';

const ETAG = '"abc"';
const part = (first: number, last: number) => ({ kind: 'part', first, last });
const whole = { kind: 'whole' };
const unsatisfiable = { kind: 'unsatisfiable' };

describe('decideRange on 1000 bytes', () => {
  it.each([
    [undefined, whole],
    ['bytes=0-0', part(0, 0)],
    ['bytes=0-499', part(0, 499)],
    ['bytes=500-', part(500, 999)],
    ['bytes=0-', part(0, 999)],
    ['bytes=999-999', part(999, 999)],
    ['bytes=900-5000', part(900, 999)],
    ['bytes=-1', part(999, 999)],
    ['bytes=-500', part(500, 999)],
    ['bytes=-5000', part(0, 999)],
    ['BYTES=1-2', part(1, 2)],
    ['bytes= 1-2 ', part(1, 2)],
    ['bytes=1000-', unsatisfiable],
    ['bytes=1000-1001', unsatisfiable],
    ['bytes=99999999999999999999-', unsatisfiable],
    ['bytes=-0', unsatisfiable],
    ['bytes=5-4', whole],
    ['bytes=-', whole],
    ['bytes=', whole],
    ['bytes=a-b', whole],
    ['bytes=0-1,5-6', whole],
    ['items=0-1', whole],
    ['0-1', whole],
    ['bytes=1.5-2', whole],
    ['bytes=--1', whole],
  ])('%j gives %j', (range, expected) => {
    expect(decideRange({ range, ifRange: undefined }, ETAG, 1000)).toEqual(expected);
  });

  it.each([
    [ETAG, part(0, 9)],
    ['"other"', whole],
    ['W/"abc"', whole],
    ['abc', whole],
    ['Wed, 21 Oct 2026 07:28:00 GMT', whole],
  ])('with If-Range %j gives %j', (ifRange, expected) => {
    expect(decideRange({ range: 'bytes=0-9', ifRange }, ETAG, 1000)).toEqual(expected);
  });

  it('never leaves the representation', () => {
    const position = fc.oneof(fc.constant(''), fc.nat(3000).map(String));
    fc.assert(
      fc.property(position, position, fc.integer({ min: 1, max: 1500 }), (a, b, size) => {
        const decision = decideRange({ range: `bytes=${a}-${b}`, ifRange: undefined }, ETAG, size);
        if (decision.kind !== 'part') return;
        expect(decision.first).toBeGreaterThanOrEqual(0);
        expect(decision.first).toBeLessThanOrEqual(decision.last);
        expect(decision.last).toBeLessThan(size);
      }),
    );
  });
});
