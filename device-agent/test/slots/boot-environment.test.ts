import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { writeThrough } from '../../src/disk/durable-step.ts';
import {
  copyPath,
  COPY_SIZE_BYTES,
  decodeCopy,
  encodeCopy,
  openOwnEnvironment,
} from '../../src/slots/boot-environment.ts';
import { decideBoot, type BootEnvironment } from '../../src/slots/domain/boot-decision.ts';
import type { SlotState } from '../../src/slots/domain/slot-state.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'flotilla-env-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const triesLeft = fc.integer({ min: 0, max: 255 });
const slotState: fc.Arbitrary<SlotState> = fc.oneof(
  fc.constantFrom<SlotState>(
    { kind: 'empty' },
    { kind: 'writing' },
    { kind: 'written' },
    { kind: 'bad' },
  ),
  triesLeft.map((n): SlotState => ({ kind: 'trial', triesLeft: n })),
  triesLeft.map((n): SlotState => ({ kind: 'good', triesLeft: n })),
);
const environment: fc.Arbitrary<BootEnvironment> = fc.record({
  order: fc.constantFrom<BootEnvironment['order']>(['a', 'b'], ['b', 'a']),
  slots: fc.record({ a: slotState, b: slotState }),
});
/** Bootable whatever its other slot holds: slot `a` is good. */
const safe = fc.tuple(environment, triesLeft).map(([e, n]): BootEnvironment => ({
  ...e,
  slots: { ...e.slots, a: { kind: 'good', triesLeft: n } },
}));

const open = async () => openOwnEnvironment(folder, writeThrough);

describe('a copy of the boot environment', () => {
  it('is read as it was written', () => {
    fc.assert(
      fc.property(environment, fc.nat(), (written, sequence) => {
        const bytes = encodeCopy({ sequence, environment: written });
        expect(bytes.length).toBe(COPY_SIZE_BYTES);
        expect(decodeCopy(bytes)).toEqual({ sequence, environment: written });
      }),
    );
  });

  it('is refused when any bit of it changed', () => {
    const bytes = encodeCopy({
      sequence: 7,
      environment: {
        order: ['a', 'b'],
        slots: { a: { kind: 'good', triesLeft: 3 }, b: { kind: 'bad' } },
      },
    });
    for (let bit = 0; bit < COPY_SIZE_BYTES * 8; bit += 1) {
      const damaged = Buffer.from(bytes);
      damaged[bit >> 3]! ^= 1 << (bit & 7);
      expect(decodeCopy(damaged)).toBeNull();
    }
  });
});

describe('the store of both copies', () => {
  it('starts empty and says that nothing was lost', async () => {
    const { store, lost } = await open();
    expect(lost).toBe(false);
    expect(decideBoot(store.current, 3).slot).toBeNull();
  });

  it('holds the newest environment over any number of saves', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(environment, { minLength: 1, maxLength: 6 }), async (list) => {
        const { store } = await open();
        for (const next of list) await store.change('test', () => next);
        expect((await open()).store.current).toEqual(list.at(-1));
      }),
      { numRuns: 30 },
    );
  });

  it('after a torn write is the old or the new one, and boots', async () => {
    const tear = fc.record({
      history: fc.array(safe, { minLength: 1, maxLength: 4 }),
      next: safe,
      keptBytes: fc.integer({ min: 0, max: COPY_SIZE_BYTES }),
      garbage: fc.uint8Array({ minLength: 0, maxLength: 64 }),
      shortened: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(tear, async ({ history, next, keptBytes, garbage, shortened }) => {
        rmSync(folder, { recursive: true, force: true });
        const { store } = await open();
        for (const past of history) await store.change('test', () => past);
        const before = [0, 1].map((index) => read(index as 0 | 1));
        await store.change('test', () => next);
        const index = [0, 1].find((i) => !read(i as 0 | 1).equals(before[i]!)) as 0 | 1 | undefined;
        if (index === undefined) return;
        // New bytes up to the cut, then what happened to be there, then the old bytes or nothing.
        const torn = Buffer.from(read(index));
        const old = before[index]!;
        if (old.length > keptBytes) old.copy(torn, keptBytes, keptBytes);
        Buffer.from(garbage).copy(torn, keptBytes);
        writeFileSync(copyPath(folder, index), shortened ? torn.subarray(0, keptBytes) : torn);
        const { store: reopened, lost } = await open();
        expect(lost).toBe(false);
        expect([history.at(-1), next]).toContainEqual(reopened.current);
        expect(decideBoot(reopened.current, 3).slot).not.toBeNull();
      }),
      { numRuns: 60 },
    );
  });

  it('applies changes that come at once one after another', async () => {
    const { store } = await open();
    const good = (triesLeft: number): SlotState => ({ kind: 'good', triesLeft });
    const addOne = (now: BootEnvironment): BootEnvironment => {
      const before = now.slots.a.kind === 'good' ? now.slots.a.triesLeft : 0;
      return { ...now, slots: { ...now.slots, a: good(before + 1) } };
    };
    await Promise.all(Array.from({ length: 20 }, () => store.change('test', addOne)));
    expect(store.current.slots.a).toEqual(good(20));
    expect((await open()).store.current.slots.a).toEqual(good(20));
  });

  it('goes on after a change that was refused', async () => {
    const { store } = await open();
    const refuse = () => {
      throw new Error('not now');
    };
    const refused = store.change('test', refuse);
    const next = { ...store.current, order: ['b', 'a'] } as const;
    const taken = store.change('test', () => next);
    await expect(refused).rejects.toThrow('not now');
    await taken;
    expect((await open()).store.current).toEqual(next);
  });

  it('says so when both copies are unreadable', async () => {
    writeFileSync(copyPath(folder, 0), 'x');
    writeFileSync(copyPath(folder, 1), Buffer.alloc(COPY_SIZE_BYTES));
    expect((await open()).lost).toBe(true);
  });
});

function read(index: 0 | 1): Buffer {
  try {
    return readFileSync(copyPath(folder, index));
  } catch {
    return Buffer.alloc(0);
  }
}
