import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FilterMemory, NameFilter } from '../../src/load/batch-ledger-filter.ts';

const MIB = 1024 * 1024;

describe('NameFilter', () => {
  it('never forgets a name, whatever text it is, and grows with their number', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary' })), (names) => {
        const filter = new NameFilter(new FilterMemory(MIB));
        for (const name of names) filter.add(name);
        expect(names.every((name) => filter.mayHold(name))).toBe(true);
      }),
    );
    const memory = new FilterMemory(8 * MIB);
    const filter = new NameFilter(memory);
    const name = (n: number) => `device-${n % 977}\nbatch-${n}`;
    for (let n = 0; n < 50_000; n += 1) filter.add(name(n));
    for (let n = 0; n < 50_000; n += 1) if (!filter.mayHold(name(n))) expect.fail(name(n));
    // Three bytes a name, in filters for 16, 32 and 64 thousand.
    expect(memory.usedBytes).toBe((16 + 32 + 64) * 1024 * 3);
  });

  it('takes few new names for known ones, even those that differ by one character', () => {
    const filter = new NameFilter(new FilterMemory(8 * MIB));
    const name = (n: number) => `d\n${n.toString(16).padStart(32, '0')}`;
    for (let n = 0; n < 50_000; n += 1) filter.add(name(n));
    let mistaken = 0;
    for (let n = 50_000; n < 100_000; n += 1) if (filter.mayHold(name(n))) mistaken += 1;
    // Two or three filters, each mistaken in about 1.4 of 100,000 when full.
    expect(mistaken).toBeLessThan(20);
  });

  it('knows no name for new once its memory is out, and gives it back', () => {
    const memory = new FilterMemory(100_000);
    const first = new NameFilter(memory);
    const second = new NameFilter(memory);
    for (let n = 0; n < 10_000; n += 1) {
      first.add(`a${n}`);
      second.add(`b${n}`);
    }
    expect([first.isClosed, second.isClosed]).toEqual([false, false]);
    for (let n = 10_000; n < 20_000; n += 1) second.add(`b${n}`);
    expect(second.isClosed).toBe(true);
    expect(second.mayHold('never seen')).toBe(true);
    expect(first.mayHold('never seen')).toBe(false);
    first.close();
    first.close();
    second.close();
    expect(memory.usedBytes).toBe(0);
  });
});
