import { describe, expect, it } from 'vitest';
import { countRows } from '../../src/ledger/otlp-row-count.ts';

/** A length-delimited field (protobuf encoding, wire type 2). */
const field = (number: number, ...parts: Uint8Array[]) => {
  const content = Buffer.concat(parts);
  return Buffer.concat([Buffer.from([(number << 3) | 2]), varint(content.length), content]);
};
const varint = (value: number): Buffer =>
  value < 0x80
    ? Buffer.from([value])
    : Buffer.concat([Buffer.from([(value & 0x7f) | 0x80]), varint(Math.floor(value / 128))]);
const fixed64 = (number: number) => Buffer.from([(number << 3) | 1, 1, 2, 3, 4, 5, 6, 7, 8]);

const point = field(1, fixed64(3), Buffer.from([0x18, 0x96, 0x01]));
const name = field(1, Buffer.from('a metric whose name is no data point'));

describe('countRows', () => {
  it('counts points of every kind of metric over all scopes and resources', () => {
    const metrics = [5, 7, 9, 10, 11].map((kind) => field(2, name, field(kind, point, point)));
    const resource = field(1, field(1, name), field(2, ...metrics), field(2, ...metrics));
    expect(countRows('metrics', Buffer.concat([resource, resource]))).toBe(2 * 2 * 5 * 2);
  });

  it('counts log records, long ones as well', () => {
    const record = field(2, fixed64(1), field(5, Buffer.alloc(300, 0x61)));
    const resource = field(1, field(1, name), field(2, record, record, record));
    expect(countRows('logs', resource)).toBe(3);
  });

  it('is zero for an empty request', () => {
    expect(countRows('metrics', new Uint8Array())).toBe(0);
  });

  it('refuses a message that ends inside a varint', () => {
    expect(() => countRows('logs', Buffer.from([0x0a, 0x80]))).toThrow('ends inside a varint');
  });
});
