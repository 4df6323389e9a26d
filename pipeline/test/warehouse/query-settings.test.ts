import fc from 'fast-check';
import { expect, it } from 'vitest';
import { encodeText, parameterSettings } from '../../src/warehouse/query-settings.ts';

it('parameters become settings both engines take', () => {
  expect(parameterSettings({ a: 1, b: 'x' })).toEqual({ param_a: '1', param_b: 'x' });
});

it.each(["it's", 'a\\b', 'a\nb'])('text that a literal could trip over is refused: %j', (text) => {
  expect(() => parameterSettings({ text })).toThrow(RangeError);
});

it('any text fits once encoded, and comes back', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const encoded = encodeText(text);
      expect(parameterSettings({ encoded })).toEqual({ param_encoded: encoded });
      expect(encoded).not.toContain(',');
      expect(decodeURIComponent(encoded)).toBe(text.toWellFormed());
    }),
  );
});
