import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAX_RETRY_AFTER_MS, parseRetryAfter } from '../src/retry-after.ts';

const nowMs = Date.parse('2026-01-01T00:00:00Z');
/** Above it, Node's timers fire after 1 ms. */
const MAX_TIMER_MS = 2 ** 31 - 1;

describe('parseRetryAfter', () => {
  it.each([
    [null, null],
    ['', null],
    ['0', 0],
    [' 120 ', 120_000],
    ['-1', null],
    ['1.5', null],
    ['soon', null],
    ['2026-01-01', null],
    ['Thu, 01 Jan 2026 00:01:00 GMT', 60_000],
    ['Thu, 01 Jan 1970 00:00:00 GMT', 0],
    ['Thu, nonsense', null],
  ])('reads %j as %j', (header, expected) => {
    expect(parseRetryAfter(header, nowMs)).toBe(expected);
  });

  it.each(['3601', '2147484', '999999999', '9'.repeat(400), 'Fri, 31 Dec 9999 23:59:59 GMT'])(
    'cuts a wish that would silence the device: %s',
    (header) => {
      expect(parseRetryAfter(header, nowMs)).toBe(MAX_RETRY_AFTER_MS);
    },
  );

  it('never returns what a timer cannot wait for', () => {
    const seconds = fc.bigInt({ min: 0n, max: 10n ** 30n }).map(String);
    const instants = { min: new Date(0), max: new Date('9999-12-31'), noInvalidDate: true };
    const dates = fc.date(instants).map((date) => date.toUTCString());
    fc.assert(
      fc.property(fc.oneof(seconds, dates), (header) => {
        const delayMs = parseRetryAfter(header, nowMs);
        expect(delayMs).toBeGreaterThanOrEqual(0);
        expect(delayMs).toBeLessThanOrEqual(Math.min(MAX_RETRY_AFTER_MS, MAX_TIMER_MS));
      }),
    );
  });
});
