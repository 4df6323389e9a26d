import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SQUASH, STRETCH } from '../src/logistic.ts';
import { NumberModel } from '../src/number-model.ts';
import { BitDecoder, BitEncoder } from '../src/range-coder.ts';

const chance = fc.oneof(fc.integer({ min: 1, max: 65535 }), fc.constantFrom(1, 65535));
const coded = fc.array(fc.tuple(fc.constantFrom(0, 1), chance), { maxLength: 400 });

describe('BitEncoder and BitDecoder', () => {
  it('give back every bit of several blocks, reading each block to its end', () => {
    fc.assert(
      fc.property(fc.array(coded, { minLength: 1, maxLength: 4 }), (blocks) => {
        const encoder = new BitEncoder();
        const payloads = blocks.map((bits) => {
          for (const [bit, p1] of bits) encoder.code(bit, p1);
          return encoder.finish();
        });
        const decoder = new BitDecoder();
        blocks.forEach((bits, i) => {
          decoder.start(payloads[i]!);
          for (const [bit, p1] of bits) expect(decoder.code(0, p1)).toBe(bit);
          decoder.finish();
        });
      }),
    );
  });

  it('refuse a block with bytes to spare', () => {
    const decoder = new BitDecoder();
    decoder.start(new Uint8Array(9));
    decoder.code(0, 32768);
    expect(() => decoder.finish()).toThrow(expect.objectContaining({ code: 'corrupt' }));
  });
});

describe('NumberModel', () => {
  it('gives back numbers up to 2^31 - 2', () => {
    const numbers = fc.array(fc.integer({ min: 0, max: 2 ** 31 - 2 }), { maxLength: 50 });
    fc.assert(
      fc.property(numbers, (values) => {
        const edges = [...values, 0, 1, 2, 2 ** 30 - 1, 2 ** 30, 2 ** 31 - 2];
        const encoder = new BitEncoder();
        const writing = new NumberModel(1, 12);
        for (const value of edges) writing.code(encoder, 0, value, 0, 0);
        const decoder = new BitDecoder();
        decoder.start(encoder.finish());
        const reading = new NumberModel(1, 12);
        for (const value of edges) expect(reading.code(decoder, 0, 0, 0, 0)).toBe(value);
      }),
    );
  });
});

describe('the logistic tables', () => {
  it('rise, stay inside the coder’s range and undo each other', () => {
    for (let i = 1; i < 4096; i++) {
      expect(SQUASH[i]!).toBeGreaterThanOrEqual(SQUASH[i - 1]!);
      expect(STRETCH[i]!).toBeGreaterThanOrEqual(STRETCH[i - 1]!);
    }
    expect(Math.min(...SQUASH)).toBeGreaterThan(0);
    for (let i = 64; i < 4032; i++) {
      expect(Math.abs((SQUASH[STRETCH[i]! + 2048]! >>> 4) - i)).toBeLessThanOrEqual(4);
    }
  });
});
