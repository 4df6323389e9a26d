import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LineSplitter, type SplitLine } from '../../src/firmware/domain/line-splitter.ts';

function split(chunks: readonly Uint8Array[], maxBytes: number): SplitLine[] {
  const lines: SplitLine[] = [];
  const splitter = new LineSplitter(maxBytes, (line) => lines.push(line));
  for (const chunk of chunks) splitter.push(chunk);
  splitter.end();
  return lines;
}

const text = (value: string) => [Buffer.from(value)];
const whole = (value: string): SplitLine => ({ text: value, truncated: false });

describe('the splitter of lines', () => {
  it.each<[string, string, SplitLine[]]>([
    ['nothing', '', []],
    ['lines', 'a\nb\n', [whole('a'), whole('b')]],
    ['a last line without its end', 'a\nb', [whole('a'), whole('b')]],
    ['an empty line', 'a\n\nb\n', [whole('a'), whole(''), whole('b')]],
    ['carriage returns', 'a\r\nb\rc\r\n', [whole('a'), whole('b\rc')]],
    ['a line of exactly the limit', '12345678\n', [whole('12345678')]],
    [
      'a line beyond the limit, and goes on after it',
      '123456789\nb\n',
      [{ text: '12345678', truncated: true }, whole('b')],
    ],
    ['a character halved by the limit', '1234567é\n', [{ text: '1234567', truncated: true }]],
  ])('knows %s', (_name, input, expected) => {
    expect(split(text(input), 8)).toEqual(expected);
  });

  it('gives the same lines wherever the stream is cut, and what was written when it fits', () => {
    const line = fc
      .string({ unit: 'grapheme', maxLength: 20 })
      .map((s) => s.replace(/[\r\n]/g, ''));
    fc.assert(
      fc.property(fc.array(line), fc.integer({ min: 1, max: 7 }), (lines, size) => {
        const bytes = Buffer.from(lines.map((l) => `${l}\n`).join(''));
        const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) =>
          bytes.subarray(index * size, (index + 1) * size),
        );
        expect(split(pieces, 1000)).toEqual(lines.map(whole));
        expect(split(pieces, 10)).toEqual(split([bytes], 10));
      }),
    );
  });
});
