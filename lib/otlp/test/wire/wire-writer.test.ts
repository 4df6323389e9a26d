import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { WireReader, WireWriter } from '../../src/index.ts';

/** One scalar field: how it is written, how it is read back, and what is expected of it. */
interface Scalar {
  readonly write: (writer: WireWriter, field: number) => void;
  readonly read: (reader: WireReader) => unknown;
  readonly value: unknown;
}

const uint64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const scalars: fc.Arbitrary<Scalar> = fc.oneof(
  uint64.map((value) => ({
    value,
    write: (w: WireWriter, f: number) => w.uint64(f, value),
    read: (r: WireReader) => r.uint64(),
  })),
  fc.maxSafeNat().map((value) => ({
    value: BigInt(value),
    write: (w: WireWriter, f: number) => w.uint64(f, value),
    read: (r: WireReader) => r.uint64(),
  })),
  int64.map((value) => ({
    value,
    write: (w: WireWriter, f: number) => w.int64(f, value),
    read: (r: WireReader) => r.int64(),
  })),
  fc.integer().map((value) => ({
    value,
    write: (w: WireWriter, f: number) => w.sint32(f, value),
    read: (r: WireReader) => r.sint32(),
  })),
  fc.boolean().map((value) => ({
    value,
    write: (w: WireWriter, f: number) => w.bool(f, value),
    read: (r: WireReader) => r.bool(),
  })),
  fc.integer({ min: 0, max: 2 ** 32 - 1 }).map((value) => ({
    value,
    write: (w: WireWriter, f: number) => w.fixed32(f, value),
    read: (r: WireReader) => r.fixed32(),
  })),
  int64.map((value) => ({
    value,
    write: (w: WireWriter, f: number) => w.sfixed64(f, value),
    read: (r: WireReader) => r.sfixed64(),
  })),
  fc.double().map((value) => ({
    value,
    write: (w: WireWriter, f: number) => w.double(f, value),
    read: (r: WireReader) => r.double(),
  })),
  fc
    .string({ unit: 'binary', maxLength: 200 })
    .filter((value) => value.isWellFormed())
    .map((value) => ({
      value,
      write: (w: WireWriter, f: number) => w.string(f, value),
      read: (r: WireReader) => r.string(),
    })),
  fc.uint8Array({ maxLength: 300 }).map((value) => ({
    value,
    write: (w: WireWriter, f: number) => w.bytes(f, value),
    read: (r: WireReader) => new Uint8Array(r.bytes()),
  })),
);
const fieldNumbers = fc.integer({ min: 1, max: 2 ** 29 - 1 });

describe('WireWriter', () => {
  it('writes what the reader reads back, at any depth and length', () => {
    const levels = fc.array(fc.array(fc.tuple(fieldNumbers, scalars), { maxLength: 8 }), {
      minLength: 1,
      maxLength: 5,
    });
    fc.assert(
      fc.property(levels, (nested) => {
        const writer = new WireWriter(16);
        const marks: number[] = [];
        for (const fields of nested) {
          for (const [number, scalar] of fields) scalar.write(writer, number);
          marks.push(writer.begin(1));
        }
        for (const mark of marks.reverse()) writer.end(mark);

        let reader = new WireReader(writer.finish());
        for (const fields of nested) {
          for (const [number, scalar] of fields) {
            expect(reader.next()).toBe(number);
            expect(scalar.read(reader)).toEqual(scalar.value);
          }
          expect(reader.next()).toBe(1);
          reader = reader.message();
        }
        expect(reader.next()).toBe(0);
      }),
    );
  });

  it('writes the shortest form, as the specification’s own examples', () => {
    const writer = new WireWriter();
    writer.uint64(1, 150);
    writer.string(2, 'testing');
    const mark = writer.begin(3);
    writer.uint64(1, 150);
    writer.end(mark);
    const packed = writer.begin(6);
    for (const value of [3, 270, 86_942]) writer.packedUint64(value);
    writer.end(packed);
    expect(writer.finish().toString('hex')).toBe(
      '089601120774657374696e671a0308960132' + '06038e029ea705',
    );
  });

  it.each([127, 128, 16_383, 16_384, 3_000_000])('nests a message of %i bytes', (size) => {
    const writer = new WireWriter();
    const mark = writer.begin(1);
    writer.raw(Buffer.alloc(size, 7));
    writer.end(mark);
    writer.bool(2, true);
    const reader = new WireReader(writer.finish());
    reader.next();
    expect(Buffer.from(reader.bytes()).equals(Buffer.alloc(size, 7))).toBe(true);
    expect(reader.next()).toBe(2);
    expect(reader.bool()).toBe(true);
  });

  it('is empty after finish, and what it gave out stays', () => {
    const writer = new WireWriter();
    writer.uint64(1, 1);
    const first = writer.finish();
    expect(writer.sizeBytes).toBe(0);
    writer.uint64(1, 2);
    expect([...first]).toEqual([8, 1]);
    expect([...writer.finish()]).toEqual([8, 2]);
  });
});
