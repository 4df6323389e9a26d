import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { applyDelta, bufferBase, createDelta, readDeltaHeader } from '../src/index.ts';
import { pseudoRandomBytes } from '../src/testing/fuzz/fuzz-seeds.ts';
import { applyInMemory, inPieces } from '../src/testing/pieces.ts';

type Change =
  | { kind: 'insert'; at: number; bytes: Uint8Array }
  | { kind: 'delete'; at: number; length: number }
  | { kind: 'move'; at: number; length: number; to: number }
  | { kind: 'poke'; at: number; step: number; add: number };

const position = fc.nat(10_000);
const change: fc.Arbitrary<Change> = fc.oneof(
  fc.record({
    kind: fc.constant('insert' as const),
    at: position,
    bytes: fc.uint8Array({ maxLength: 300 }),
  }),
  fc.record({ kind: fc.constant('delete' as const), at: position, length: fc.nat(500) }),
  fc.record({
    kind: fc.constant('move' as const),
    at: position,
    length: fc.nat(500),
    to: position,
  }),
  fc.record({
    kind: fc.constant('poke' as const),
    at: position,
    step: fc.integer({ min: 1, max: 40 }),
    add: fc.nat(255),
  }),
);

function applyChange(image: Buffer, change: Change): Buffer {
  const at = image.length === 0 ? 0 : change.at % (image.length + 1);
  if (change.kind === 'insert') {
    return Buffer.concat([image.subarray(0, at), change.bytes, image.subarray(at)]);
  }
  if (change.kind === 'delete') {
    return Buffer.concat([image.subarray(0, at), image.subarray(at + change.length)]);
  }
  if (change.kind === 'move') {
    const piece = image.subarray(at, at + change.length);
    const rest = Buffer.concat([image.subarray(0, at), image.subarray(at + change.length)]);
    const to = change.to % (rest.length + 1);
    return Buffer.concat([rest.subarray(0, to), piece, rest.subarray(to)]);
  }
  const copy = Buffer.from(image);
  for (let i = at; i < copy.length && i < at + 20 * change.step; i += change.step) {
    copy[i] = copy[i]! + change.add;
  }
  return copy;
}

const image = fc.oneof(
  fc.uint8Array({ maxLength: 4000 }),
  fc.array(fc.constantFrom(0, 1, 255), { maxLength: 2000 }).map((a) => Uint8Array.from(a)),
  fc.string({ maxLength: 2000 }).map((s) => new Uint8Array(Buffer.from(s.repeat(3)))),
);

describe('createDelta and applyDelta', () => {
  it('make the target of any edited base', async () => {
    await fc.assert(
      fc.asyncProperty(image, fc.array(change, { maxLength: 8 }), async (base, changes) => {
        const target = changes.reduce(applyChange, Buffer.from(base));
        for (const methods of ['dense', 'fast'] as const) {
          const patch = createDelta(base, target, { methods });
          expect((await applyInMemory(base, patch)).equals(target)).toBe(true);
        }
      }),
      { numRuns: 100 },
    );
  }, 30_000);

  it('make the target of two unrelated images', async () => {
    await fc.assert(
      fc.asyncProperty(
        image,
        image,
        fc.integer({ min: 1, max: 50 }),
        async (base, target, piece) => {
          const patch = createDelta(base, target);
          expect((await applyInMemory(base, patch, {}, piece)).equals(target)).toBe(true);
        },
      ),
      { numRuns: 80 },
    );
  }, 30_000);

  it.each([
    ['identical images', pseudoRandomBytes(1, 5000), pseudoRandomBytes(1, 5000), 120],
    ['an empty base', new Uint8Array(0), pseudoRandomBytes(2, 500), 600],
    ['an empty target', pseudoRandomBytes(3, 500), new Uint8Array(0), 38],
    ['two empty images', new Uint8Array(0), new Uint8Array(0), 38],
    ['a single byte', Uint8Array.of(1), Uint8Array.of(2), 110],
    ['long runs of zeros', new Uint8Array(300_000), new Uint8Array(700_000), 400],
  ])(
    'handle %s with a small patch',
    { timeout: 60_000 },
    async (_name, base, target, mostBytes) => {
      const patch = createDelta(base, target);
      expect(patch.length).toBeLessThanOrEqual(mostBytes);
      expect((await applyInMemory(base, patch)).equals(Buffer.from(target))).toBe(true);
    },
  );

  it(
    'span blocks: edits, copies and literals that cross a border',
    { timeout: 60_000 },
    async () => {
      const base = pseudoRandomBytes(4, 600_000);
      const target = Buffer.concat([
        base.subarray(0, 250_000),
        pseudoRandomBytes(5, 30_000),
        base.subarray(200_000),
        pseudoRandomBytes(6, 1000),
      ]);
      for (let i = 0; i < target.length; i += 997) target[i] = target[i]! + 3;
      const patch = createDelta(base, target);
      expect(patch.length).toBeLessThan(40_000);
      expect((await applyInMemory(base, patch)).equals(target)).toBe(true);
    },
  );

  it('store what does not compress as it is', { timeout: 60_000 }, async () => {
    const base = pseudoRandomBytes(12, 40_000);
    const target = Buffer.concat([base, pseudoRandomBytes(13, 500_000), base]);
    const patch = createDelta(base, target);
    expect(patch.length).toBeLessThan(500_400);
    expect((await applyInMemory(base, patch)).equals(target)).toBe(true);
  });

  it('are deterministic', () => {
    const base = pseudoRandomBytes(7, 5000);
    const target = applyChange(base, { kind: 'poke', at: 100, step: 7, add: 9 });
    expect(createDelta(base, target)).toEqual(createDelta(base, target));
  });

  it('report size and hash, and write in order, one chunk at a time', async () => {
    const base = pseudoRandomBytes(8, 10);
    const target = pseudoRandomBytes(9, 600_000);
    let busy = 0;
    let written = 0;
    const result = await applyDelta({
      base: bufferBase(base),
      patch: inPieces(createDelta(base, target), 5000),
      write: async (chunk) => {
        expect(++busy).toBe(1);
        await Promise.resolve();
        expect(target.subarray(written, written + chunk.length).equals(chunk)).toBe(true);
        written += chunk.length;
        busy--;
      },
    });
    const sha256 = createHash('sha256').update(target).digest('hex');
    expect(result).toEqual({ sha256, sizeBytes: target.length });
    expect(written).toBe(target.length);
  });

  it('tell from the header what a patch is for', () => {
    const base = pseudoRandomBytes(10, 100);
    const header = readDeltaHeader(createDelta(base, pseudoRandomBytes(11, 200)));
    expect(header).toMatchObject({
      version: 2,
      baseSizeBytes: 100,
      targetSizeBytes: 200,
      baseDigest: createHash('sha256').update(base).digest('hex').slice(0, 16),
    });
  });
});
