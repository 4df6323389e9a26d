import { expect, it } from 'vitest';
import { FUZZED_FORMATS, fuzzBoot } from '../../src/testing/boot-fuzz.ts';

it.each(FUZZED_FORMATS)('damage to copies of %s starts nothing that neither allows', (format) => {
  const { newer, older, lost, violations } = fuzzBoot(format, 1_500, Math.random);
  expect(violations).toEqual([]);
  for (const count of [newer, older, lost]) expect(count).toBeGreaterThan(50);
});
