import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  formatSelector,
  matchesSelector,
  parseSelector,
  type LabelSelector,
  type Requirement,
} from '../src/index.ts';

const parsed = (text: string): LabelSelector => {
  const result = parseSelector(text);
  if (!result.ok) throw new Error(result.detail);
  return result.selector;
};
const labels = { site: 'berlin', ring: 'a', empty: '', timezone: 'Europe/Berlin' };

describe('a label selector', () => {
  it.each([
    ['site=berlin', true],
    ['site==berlin', true],
    ['site = paris', false],
    ['site!=paris', true],
    ['gone!=paris', true],
    ['gone=paris', false],
    ['ring in (a, b)', true],
    ['ring in (b)', false],
    ['ring notin (b,c)', true],
    ['gone notin (b)', true],
    ['site', true],
    ['gone', false],
    ['!gone', true],
    ['!site', false],
    ['empty=', true],
    ['empty in (,x)', true],
    ['gone=', false],
    ['timezone=Europe/Berlin', true],
    [' site=berlin , ring in (a,b) , !legacy ', true],
    ['site=berlin,!ring', false],
    ['constructor', false],
    ['!constructor', true],
  ])('%s', (text, expected) => {
    expect(matchesSelector(parsed(text), labels)).toBe(expected);
  });

  it.each([
    ['', 0, 'a label key is missing before the end'],
    ['site=berlin,', 12, 'a label key is missing before the end'],
    ['site=berlin ring=a', 12, 'a comma or the end is missing before "ring"'],
    ['site is berlin', 5, '"is" is none of =, ==, !=, in, notin'],
    ['ring in a', 8, '"(" is missing before "a"'],
    ['ring in (a', 10, 'a comma or ")" is missing before the end'],
    ['ring in (a b)', 11, 'a comma or ")" is missing before "b"'],
    ['-site=x', 0, '"-site" is no label key'],
    ['site=-x', 5, '"-x" is no label value'],
    [`site=${'x'.repeat(64)}`, 5, 'is no label value'],
    ['site>3', 4, '">" has no meaning'],
    ['site=berlin;ring', 11, '";" has no meaning'],
    ['!=x', 0, 'a label key is missing before "!="'],
  ])('%s is refused where it goes wrong', (text, at, words) => {
    const result = parseSelector(text);
    expect(result).toMatchObject({ ok: false, at });
    expect(result).toHaveProperty('detail', expect.stringContaining(words));
    expect(result).toHaveProperty('detail', expect.stringContaining(`at character ${at + 1}`));
  });

  const key = fc.constantFrom('site', 'ring', 'in', 'notin', 'example.com/tier', 'a.b-c_d', '0');
  const value = fc.constantFrom('', 'a', 'b', 'in', 'Europe/Berlin', 'Etc/GMT+5', '1.2-3_4');
  const requirement: fc.Arbitrary<Requirement> = fc.oneof(
    fc.record({ kind: fc.constantFrom('exists' as const, 'absent' as const), key }),
    fc.record({
      kind: fc.constantFrom('in' as const, 'not_in' as const),
      key,
      values: fc.array(value, { minLength: 1, maxLength: 4 }),
    }),
  );
  const selector = fc.array(requirement, { minLength: 1, maxLength: 6 });

  it('reads back what it wrote, with or without blanks', () => {
    fc.assert(
      fc.property(selector, (wanted) => {
        const text = formatSelector(wanted);
        expect(parsed(text)).toEqual(wanted);
        expect(parsed(`  ${text.replaceAll(',', ' , ').replaceAll('(', '( ')} `)).toEqual(wanted);
      }),
    );
  });

  it('answers any text, and points into it when it refuses', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[a-z!=,() in]{0,20}$/)), (text) => {
        const result = parseSelector(text);
        if (result.ok) expect(parsed(formatSelector(result.selector))).toEqual(result.selector);
        else expect(result.at >= 0 && result.at <= text.length).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });

  it('holds with each requirement alone when it holds with all, and never with one and its opposite', () => {
    const some = fc.dictionary(key, value, { maxKeys: 5 });
    fc.assert(
      fc.property(selector, some, (wanted, given) => {
        const each = wanted.every((one) => matchesSelector([one], given));
        expect(matchesSelector(wanted, given)).toBe(each);
        const opposite = {
          exists: 'absent',
          absent: 'exists',
          in: 'not_in',
          not_in: 'in',
        } as const;
        for (const one of wanted) {
          const other = { ...one, kind: opposite[one.kind] } as Requirement;
          expect(matchesSelector([other], given)).toBe(!matchesSelector([one], given));
        }
      }),
    );
  });
});
