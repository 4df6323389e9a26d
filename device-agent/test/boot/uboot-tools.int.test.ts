import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  openLoaderEnvironment,
  type LoaderEnvironment,
} from '../../src/boot/loader-environment.ts';
import { encodeUboot } from '../../src/boot/uboot-environment.ts';
import { writeThrough } from '../../src/disk/durable-step.ts';
import type { BootEnvironment } from '../../src/slots/domain/boot-decision.ts';

const SIZE_BYTES = 4096;
const isThere = spawnSync('fw_printenv', ['--help']).error === undefined;
const isSkipped = !isThere && process.env.CI === undefined;

const AFTER_UPDATE: BootEnvironment = {
  order: ['b', 'a'],
  slots: { a: { kind: 'good', triesLeft: 0 }, b: { kind: 'trial', triesLeft: 3 } },
};

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'flotilla-fw-'));
  const board = new Map([['bootdelay', '2']]);
  for (const [name, flags] of [
    ['env0', 254],
    ['env1', 255],
  ] as const) {
    writeFileSync(at(name), encodeUboot(board, flags, SIZE_BYTES));
  }
  const lines = ['env0', 'env1'].map((name) => `${at(name)} 0 0x${SIZE_BYTES.toString(16)}\n`);
  writeFileSync(at('fw_env.config'), lines.join(''));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const at = (name: string) => join(folder, name);
const tool = (program: string, ...args: string[]) =>
  execFileSync(program, ['-c', at('fw_env.config'), ...args], { encoding: 'utf8' }).trim();
const open = async () => {
  const copy = (name: string) => ({ path: at(name), offsetBytes: 0 });
  const environment: LoaderEnvironment = {
    loader: 'uboot',
    locations: [copy('env0'), copy('env1')],
    sizeBytes: SIZE_BYTES,
  };
  return (await openLoaderEnvironment(environment, 3, writeThrough)).store;
};

describe.skipIf(isSkipped)("U-Boot's own tools for Linux (libubootenv-tool)", () => {
  it('read what the agent wrote, over the wrap of the counter, and the board keeps its own', async () => {
    const store = await open();
    for (let triesLeft = 3; triesLeft >= 0; triesLeft -= 1) {
      const b = { kind: 'trial', triesLeft } as const;
      await store.change('test', () => ({ ...AFTER_UPDATE, slots: { ...AFTER_UPDATE.slots, b } }));
      expect(tool('fw_printenv', '-n', 'BOOT_B_LEFT')).toBe(String(triesLeft));
    }
    expect(tool('fw_printenv', '-n', 'BOOT_ORDER')).toBe('B A');
    expect(tool('fw_printenv', '-n', 'bootdelay')).toBe('2');
  });

  it('write what the agent reads', async () => {
    await (await open()).change('test', () => AFTER_UPDATE);
    tool('fw_setenv', 'BOOT_B_LEFT', '1');
    expect((await open()).current.slots.b).toEqual({ kind: 'trial', triesLeft: 1 });
    expect(tool('fw_printenv', '-n', 'bootdelay')).toBe('2');
  });

  it.each(['env0', 'env1'])('go by the same copy when the CRC of %s is wrong', async (name) => {
    await (await open()).change('first', () => AFTER_UPDATE);
    const b = { kind: 'good', triesLeft: 2 } as const;
    const next = { ...AFTER_UPDATE, slots: { ...AFTER_UPDATE.slots, b } };
    await (await open()).change('second', () => next);
    const bytes = readFileSync(at(name));
    bytes.writeUInt8(bytes.readUInt8(100) ^ 1, 100);
    writeFileSync(at(name), bytes);
    const { slots } = (await open()).current;
    expect(slots.b.kind).toBe(name === 'env1' ? 'trial' : 'good');
    expect(tool('fw_printenv', '-n', 'BOOT_B_STATE')).toBe(slots.b.kind);
  });
});
