import fc from 'fast-check';
import { expect, it } from 'vitest';
import { parseLogLine } from '../../../src/telemetry/domain/parse-log-line.ts';
import { splitRecords } from '../../../src/telemetry/domain/split-records.ts';

const plain = { maxRecordBytes: 64, startPattern: null };

it('finds the same lines however the bytes come', () => {
  fc.assert(
    fc.property(
      fc.array(fc.string({ maxLength: 40 }).map((s) => s.replace(/[\r\n]/g, ''))),
      fc.array(fc.integer({ min: 1, max: 100 }), { minLength: 1 }),
      (lines, steps) => {
        const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''));
        const rules = { ...plain, maxRecordBytes: 200 };
        const texts: string[] = [];
        let offset = 0;
        let until = 0;
        for (let step = 0; offset < bytes.length; step += 1) {
          until = Math.min(bytes.length, until + (steps[step % steps.length] ?? 1));
          const split = splitRecords(bytes.subarray(offset, until), false, false, rules);
          texts.push(...split.records.map(({ text }) => text));
          offset += split.consumed;
        }
        expect(texts).toEqual(lines.map((line) => Buffer.from(line).toString()));
      },
    ),
  );
});

it('cuts a long line, skips its rest, and goes on with the next', () => {
  const first = splitRecords(Buffer.from('x'.repeat(100)), false, false, plain);
  expect(first).toMatchObject({ consumed: 100, skipping: true });
  expect(first.records).toEqual([{ offset: 0, text: 'x'.repeat(64), truncated: true }]);
  const second = splitRecords(Buffer.from('rest\nnext\n'), true, false, plain);
  expect(second).toEqual({
    records: [{ offset: 5, text: 'next', truncated: false }],
    consumed: 10,
    skipping: false,
  });
});

it('joins lines up to the next start, and waits for it', () => {
  const rules = { ...plain, startPattern: /^\d/ };
  const bytes = Buffer.from('1 boom\n  at a\n  at b\n2 next\n');
  expect(splitRecords(bytes, false, false, rules)).toMatchObject({
    records: [{ text: '1 boom\n  at a\n  at b' }],
    consumed: 21,
  });
  expect(splitRecords(bytes, false, true, rules).records).toHaveLength(2);
});

it('keeps what is no UTF-8 visible', () => {
  const { records } = splitRecords(Buffer.from([0x61, 0xff, 0x62, 0x0a]), false, false, plain);
  expect(records[0]?.text).toBe('a\uFFFDb');
});

it.each([
  ['[WARN] low', 13],
  ['2026-01-01 12:00:01 ERROR: no', 17],
  ['info: fine', 9],
  ['Warnings are off', 0],
  ['panic: gone', 21],
  ['all is well with error handling far away', 0],
])('reads the level of %j', (line, severityNumber) => {
  expect(parseLogLine(line, 'plain').severityNumber).toBe(severityNumber);
});

it('reads JSON lines, and takes what is none as it is', () => {
  const line =
    '{"level":40,"time":1790000000123,"msg":"low","trace_id":"0AF7651916CD43DD8448EB211C80319C","n":1}';
  expect(parseLogLine(line, 'json')).toEqual({
    body: 'low',
    severityNumber: 13,
    severityText: '',
    timestampMs: 1_790_000_000_123,
    traceId: '0af7651916cd43dd8448eb211c80319c',
    spanId: null,
    attributes: { n: 1 },
  });
  for (const text of ['{"a":', '[]', 'null', '{}']) {
    expect(parseLogLine(text, 'json').body).toBe(text);
  }
  fc.assert(fc.property(fc.string(), (text) => void parseLogLine(text, 'json')));
});
