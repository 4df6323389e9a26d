import fc from 'fast-check';
import { expect, it } from 'vitest';
import { encodeStatus } from '../../src/receive/otlp-status.ts';
import { field } from '../testing/otlp-requests.ts';

it('encodes google.rpc.Status with its message', () => {
  expect(encodeStatus('no').toString('hex')).toBe('12026e6f');
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 400 }), (message) => {
      expect(encodeStatus(message)).toEqual(field(2, message));
    }),
  );
});
