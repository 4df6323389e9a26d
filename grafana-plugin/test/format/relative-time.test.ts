import { describe, expect, it } from 'vitest';
import { duration, relativeTime } from '../../src/format/relative-time.ts';

const NOW = Date.parse('2026-03-01T12:00:00Z');

describe('relativeTime', () => {
  it.each([
    [0, 'just now'],
    [1999, 'just now'],
    [2000, '2 s ago'],
    [59_999, '59 s ago'],
    [60_000, '1 min ago'],
    [3_599_999, '59 min ago'],
    [3_600_000, '1 h ago'],
    [47 * 3_600_000, '47 h ago'],
    [48 * 3_600_000, '2 d ago'],
    [-5000, 'just now'],
  ])('%d ms ago reads "%s"', (agoMs, words) => {
    expect(relativeTime(NOW - agoMs, NOW)).toBe(words);
    expect(relativeTime(new Date(NOW - agoMs).toISOString(), NOW)).toBe(words);
  });

  it('reads an offset other than UTC', () => {
    expect(relativeTime('2026-03-01T13:59:00+02:00', NOW)).toBe('1 min ago');
  });
});

describe('duration', () => {
  it.each([
    [-3, '0 ms'],
    [999, '999 ms'],
    [1000, '1 s'],
    [1_800_000, '30 min'],
  ])('%d ms is %s', (ms, words) => {
    expect(duration(ms)).toBe(words);
  });
});
