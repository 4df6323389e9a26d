import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeGrub, encodeGrub, GRUB_BLOCK_BYTES } from '../../src/boot/grub-environment.ts';
import { decodeUboot, encodeUboot } from '../../src/boot/uboot-environment.ts';
import { decodeCopy, encodeCopy } from '../../src/slots/boot-environment.ts';

/** Slot b is being written: a decoder that calls it bootable would start an unverified slot. */
const variables = new Map([
  ['BOOT_ORDER', 'A B'],
  ['BOOT_TRIES', '3'],
  ['BOOT_A_LEFT', '3'],
  ['BOOT_A_STATE', 'good'],
  ['BOOT_B_LEFT', '0'],
  ['BOOT_B_STATE', 'writing'],
]);
const own = encodeCopy({
  sequence: 7,
  environment: {
    order: ['a', 'b'],
    slots: { a: { kind: 'good', triesLeft: 3 }, b: { kind: 'writing' } },
  },
});
const formats = [
  ['grub', encodeGrub(variables, 1), decodeGrub],
  ['uboot', encodeUboot(variables, 9, 1024), decodeUboot],
  ['own', own, decodeCopy],
] as const;

describe.each(formats)('a damaged environment of %s', (_name, whole, decode) => {
  const check = (bytes: Buffer) => {
    const kind = decode(bytes)?.environment?.slots.b.kind;
    expect([undefined, 'writing']).toContain(kind);
  };

  it('is itself when whole', () => {
    expect(decode(whole)?.environment?.slots).toEqual({
      a: { kind: 'good', triesLeft: 3 },
      b: { kind: 'writing' },
    });
  });

  it('never makes a slot bootable by one flipped bit', () => {
    for (let bit = 0; bit < whole.length * 8; bit += 1) {
      const damaged = Buffer.from(whole);
      damaged[bit >> 3]! ^= 1 << (bit & 7);
      check(damaged);
    }
  });

  it('never throws and never makes a slot bootable, whatever is overwritten or cut off', () => {
    const damage = fc.record({
      at: fc.nat(whole.length - 1),
      bytes: fc.uint8Array({ maxLength: 600 }),
      length: fc.nat(whole.length),
    });
    fc.assert(
      fc.property(damage, ({ at, bytes, length }) => {
        const damaged = Buffer.from(whole);
        Buffer.from(bytes).copy(damaged, at);
        check(damaged);
        check(damaged.subarray(0, length));
      }),
      { numRuns: 1000 },
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: GRUB_BLOCK_BYTES }), (bytes) => {
        expect(decode(Buffer.from(bytes))?.environment ?? null).toBeNull();
      }),
      { numRuns: 500 },
    );
  });
});
