import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { walkItems } from '../../src/admit/item-walk.ts';
import { WireError } from '../../src/admit/wire-cursor.ts';
import { timedRequest } from '../testing/timed-requests.ts';

const anyTime = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });

describe('walkItems', () => {
  it('counts the items and finds every time, and nothing else', () => {
    fc.assert(
      fc.property(timedRequest(anyTime), ({ signal, body, items, times }) => {
        const found: { at: number; isStart: boolean }[] = [];
        const entry = { start: 0, end: body.length };
        const counted = walkItems(signal, body, entry, (at, isStart) =>
          found.push({ at, isStart }),
        );
        expect(counted).toBe(items);
        expect(found).toEqual(times);
      }),
    );
  });

  it('reads within the entry and changes no byte, whatever the bytes', () => {
    fc.assert(
      fc.property(
        timedRequest(anyTime),
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }),
        ({ signal, body }, flips) => {
          const bytes = Buffer.from(body);
          for (const [at, value] of flips) if (at < bytes.length) bytes[at] = value;
          const before = bytes.toString('hex');
          try {
            walkItems(signal, bytes, { start: 0, end: bytes.length }, (at) => {
              expect(at + 8).toBeLessThanOrEqual(bytes.length);
            });
          } catch (error) {
            if (!(error instanceof WireError)) throw error;
          }
          expect(bytes.toString('hex')).toBe(before);
        },
      ),
    );
  });
});
