import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bytes, count, percent } from '../../src/format/quantity.ts';

const plain = (text: string) => text.replaceAll('\u00a0', ' ');

describe('quantities', () => {
  it.each([
    [0, '0 B'],
    [1023, '1023 B'],
    [1024, '1.0 KiB'],
    [48_213, '47.1 KiB'],
    [184_320, '180 KiB'],
    [3 * 1024 ** 3, '3.0 GiB'],
    [2 * 1024 ** 5, '2048 TiB'],
  ])('%d bytes read %s', (sizeBytes, words) => {
    expect(plain(bytes(sizeBytes))).toBe(words);
  });

  it.each([
    [0, '0 %'],
    [0.05, '5 %'],
    [0.125, '12.5 %'],
    [0.0004, '<0.1 %'],
    [0.9999, '>99.9 %'],
    [1, '100 %'],
  ])('a share of %d reads %s', (share, words) => {
    expect(plain(percent(share))).toBe(words);
  });

  it('never rounds a failure away or a success up', () => {
    const inside = fc.double({ min: Number.EPSILON, max: 1 - Number.EPSILON, noNaN: true });
    fc.assert(fc.property(inside, (share) => !['0 %', '100 %'].includes(plain(percent(share)))));
  });

  it('counts one and many', () => {
    expect([count(0, 'device'), count(1, 'device'), count(10_000, 'device')]).toEqual([
      '0 devices',
      '1 device',
      '10,000 devices',
    ]);
  });
});
