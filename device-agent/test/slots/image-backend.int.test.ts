import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  linkSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openLoaderEnvironment } from '../../src/boot/loader-environment.ts';
import { writeThrough } from '../../src/disk/durable-step.ts';
import type { SlotName } from '../../src/slots/domain/slot-state.ts';
import { ImageBackend } from '../../src/slots/image-backend.ts';
import { SlotResumeError } from '../../src/slots/slot-backend.ts';
import { deviceNumber, openSlotDevices, SlotDeviceError } from '../../src/slots/slot-device.ts';
import { artifactOf, SimulatedMachine } from '../../src/testing/power-cut/simulated-machine.ts';

const SLOT_BYTES = 512 * 1024;
const old = artifactOf('1.0.0', randomBytes(200_000));
const next = artifactOf('1.1.0', randomBytes(200_000));
const content = ({ version, sha256, sizeBytes }: typeof old) => ({ version, sha256, sizeBytes });

let folder: string;
let machine: SimulatedMachine;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'flotilla-image-'));
  machine = new SimulatedMachine('image+uboot', folder);
  await machine.provision(old, SLOT_BYTES);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

interface Change {
  readonly booted?: SlotName;
  readonly devices?: Readonly<Record<SlotName, string>>;
  readonly mountInfoPath?: string;
}

async function open({ booted = 'a', ...change }: Change = {}): Promise<ImageBackend> {
  return ImageBackend.open({
    deviceDir: folder,
    devices: { a: machine.slotPath('a'), b: machine.slotPath('b') },
    booted,
    factoryVersion: '1.0.0',
    openEnvironment: (step) => openLoaderEnvironment(machine.environment(), 3, step),
    tries: 3,
    step: writeThrough,
    logger: pino({ level: 'silent' }),
    ...change,
  });
}

async function write(backend: ImageBackend, bytes: Buffer): Promise<void> {
  const writer = await backend.openForWriting('b');
  await writer.write(bytes);
  await writer.finish();
}

function loseEnvironment(): void {
  for (const name of ['env0', 'env1']) writeFileSync(join(folder, 'boot', name), 'lost');
}

describe('slots that are not two usable devices', () => {
  it.each([
    ['one and the same', () => machine.slotPath('a')],
    ['the same by a symbolic link', (): string => linked(symlinkSync)],
    ['the same by a hard link', (): string => linked(linkSync)],
  ] as const)('%s are refused', async (_name, path) => {
    const b: string = path();
    const devices = { a: machine.slotPath('a'), b };
    await expect(open({ devices })).rejects.toThrow(/slots a and b are the same/);
  });

  it.each([
    ['missing', (): string => join(folder, 'nothing'), /there is no slot/],
    ['a folder', (): string => folder, /neither a partition nor a file/],
    ['a character device', (): string => '/dev/null', /neither a partition nor a file/],
    ['empty', (): string => emptyFile(), /is empty/],
  ] as const)('%s is refused', async (_name, path, words) => {
    const opened = open({ devices: { a: machine.slotPath('a'), b: path() } });
    await expect(opened).rejects.toThrow(SlotDeviceError);
    await expect(opened).rejects.toThrow(words);
  });

  function linked(link: (target: string, path: string) => void): string {
    const path = join(folder, 'link');
    link(machine.slotPath('a'), path);
    return path;
  }

  const emptyFile = (): string => {
    const path = join(folder, 'empty');
    writeFileSync(path, '');
    return path;
  };
});

describe('writing an image', () => {
  it('is refused for the slot that runs', async () => {
    await expect((await open()).openForWriting('a')).rejects.toThrow(/running/);
  });

  it('is refused beyond the capacity, with nothing of the excess written', async () => {
    const backend = await open();
    expect(await backend.capacityBytes('b')).toBe(SLOT_BYTES);
    const writer = await backend.openForWriting('b');
    await writer.write(Buffer.alloc(SLOT_BYTES - 1, 1));
    await expect(writer.write(Buffer.alloc(2, 2))).rejects.toMatchObject({ reason: 'no_space' });
    await writer.write(Buffer.alloc(1, 3));
    await writer.finish();
    const held = readFileSync(machine.slotPath('b'));
    expect(held.length).toBe(SLOT_BYTES);
    expect(held.includes(2)).toBe(false);
  });

  it('leaves a slot without a head until all of it was read back with the signed digest', async () => {
    const backend = await open();
    await write(backend, next.bytes);
    const head = () => readFileSync(machine.slotPath('b')).subarray(0, 64 * 1024);
    expect(head().every((byte) => byte === 0)).toBe(true);
    const refused = backend.seal('b', { ...content(next), sha256: old.sha256 });
    await expect(refused).rejects.toMatchObject({ reason: 'slot_readback_mismatch' });
    expect(head().every((byte) => byte === 0)).toBe(true);
    await backend.seal('b', content(next));
    expect(machine.contentOf('b', [next])).toBe(next);
    expect(backend.environment().slots.b).toEqual({ kind: 'written' });
  });

  it('refuses bytes that changed on the medium behind its back', async () => {
    const backend = await open();
    await write(backend, next.bytes);
    const path = machine.slotPath('b');
    const held = readFileSync(path);
    held.writeUInt8(held.readUInt8(150_000) ^ 1, 150_000);
    writeFileSync(path, held, { flag: 'r+' });
    const sealed = backend.seal('b', content(next));
    await expect(sealed).rejects.toMatchObject({ reason: 'slot_readback_mismatch' });
  });
});

describe('going on with an image', () => {
  it('is refused for a slot that is not being written', async () => {
    const resumed = (await open()).openForWriting('b', 4096);
    await expect(resumed).rejects.toThrow(SlotResumeError);
  });

  it('is refused behind its end', async () => {
    const backend = await open();
    await write(backend, next.bytes);
    const resumed = backend.openForWriting('b', SLOT_BYTES + 1);
    await expect(resumed).rejects.toThrow(/fewer than/);
  });

  it('is refused when its first bytes are not kept', async () => {
    const backend = await open();
    await write(backend, next.bytes);
    rmSync(join(folder, 'slots', 'b', 'head.bin'));
    await expect(backend.openForWriting('b', 100_000)).rejects.toThrow(/first bytes are kept/);
  });

  it.each([1, 1000, 64 * 1024, 64 * 1024 + 1, 150_001])('works from byte %i', async (at) => {
    const first = await (await open()).openForWriting('b');
    await first.write(next.bytes.subarray(0, at));
    expect(await first.checkpoint()).toBe(at);
    await first.write(randomBytes(1000));
    await first.abandon();
    const backend = await open();
    const prefix: Buffer[] = [];
    const second = await backend.openForWriting('b', at);
    for await (const chunk of backend.readBack('b', 0, at)) prefix.push(chunk);
    expect(Buffer.concat(prefix).equals(next.bytes.subarray(0, at))).toBe(true);
    await second.write(next.bytes.subarray(at));
    await second.finish();
    await backend.seal('b', content(next));
    expect(machine.contentOf('b', [next])).toBe(next);
  });
});

describe('an environment that is lost', () => {
  it('is set up from the slot that runs and was confirmed', async () => {
    loseEnvironment();
    const { order, slots } = (await open()).environment();
    expect(order).toEqual(['a', 'b']);
    expect(slots).toEqual({ a: { kind: 'good', triesLeft: 3 }, b: { kind: 'bad' } });
  });

  it('does not make a slot good that ran on trial while a confirmed one is there', async () => {
    const backend = await open();
    await write(backend, next.bytes);
    await backend.seal('b', content(next));
    await backend.arm('b');
    loseEnvironment();
    const { order, slots } = (await open({ booted: 'b' })).environment();
    expect(order).toEqual(['a', 'b']);
    expect(slots).toEqual({
      a: { kind: 'good', triesLeft: 3 },
      b: { kind: 'trial', triesLeft: 0 },
    });
  });

  it('keeps the other confirmed slot as the last resort, if it is still what was confirmed', async () => {
    const backend = await open();
    await write(backend, next.bytes);
    await backend.seal('b', content(next));
    await backend.arm('b');
    await backend.confirm('b');
    loseEnvironment();
    expect((await open({ booted: 'b' })).environment()).toEqual({
      order: ['b', 'a'],
      slots: { a: { kind: 'good', triesLeft: 0 }, b: { kind: 'good', triesLeft: 3 } },
    });
    loseEnvironment();
    writeFileSync(machine.slotPath('a'), 'x', { flag: 'r+' });
    expect((await open({ booted: 'b' })).environment().slots.a).toEqual({ kind: 'bad' });
  });

  it('keeps what runs where nothing was ever recorded: the factory wrote it', async () => {
    loseEnvironment();
    rmSync(join(folder, 'slots'), { recursive: true });
    const backend = await open();
    expect(backend.environment().slots.a).toEqual({ kind: 'good', triesLeft: 3 });
    expect(await backend.content('a')).toMatchObject({ version: '1.0.0', sizeBytes: SLOT_BYTES });
  });
});

/** Loop devices need privileges that a container may lack. */
function attachLoop(path: string): string | null {
  try {
    return execFileSync('losetup', ['-f', '--show', path], {
      encoding: 'utf8',
      stdio: 'pipe',
    }).trim();
  } catch {
    return null;
  }
}

describe('a block device', () => {
  let loop: string | null;
  beforeEach(() => (loop = attachLoop(machine.slotPath('b'))));
  afterEach(() => {
    if (loop !== null) execFileSync('losetup', ['-d', loop]);
  });

  const devices = () => ({ a: machine.slotPath('a'), b: loop! });

  it('has its size found, is written, and is read back', async ({ skip }) => {
    if (loop === null && process.env.CI === undefined) skip('no loop devices here');
    if (loop === null) {
      expectMountsByNumber();
      return;
    }
    expect((await openSlotDevices(devices())).b.capacityBytes).toBe(SLOT_BYTES);
    const backend = await open({ devices: devices() });
    await write(backend, next.bytes);
    await backend.seal('b', content(next));
    const held: Buffer[] = [];
    for await (const chunk of backend.readBack('b', 0, next.sizeBytes)) held.push(chunk);
    expect(Buffer.concat(held).equals(next.bytes)).toBe(true);
  });

  it('is refused while it is mounted, whatever its name', async ({ skip }) => {
    if (loop === null && process.env.CI === undefined) skip('no loop devices here');
    if (loop === null) {
      expectMountsByNumber();
      return;
    }
    const mountInfoPath = join(folder, 'mountinfo');
    const number = deviceNumber(statSync(loop).rdev);
    writeFileSync(mountInfoPath, `36 35 ${number} / /mnt/x rw - ext4 /dev/root rw\n`);
    const alias = join(folder, 'by-name');
    symlinkSync(loop, alias);
    const backend = await open({ devices: { ...devices(), b: alias }, mountInfoPath });
    await expect(backend.openForWriting('b')).rejects.toThrow(/is mounted on \/mnt\/x/);
  });

  it('is refused by the kernel while a file system on it is in use', async ({ skip }) => {
    if (loop === null && process.env.CI === undefined) skip('no loop devices here');
    if (loop === null) {
      expectMountsByNumber();
      return;
    }
    const point = join(folder, 'mounted');
    mkdirSync(point);
    execFileSync('mke2fs', ['-q', '-F', loop], { stdio: 'pipe' });
    execFileSync('mount', [loop, point]);
    try {
      const none = join(folder, 'none');
      writeFileSync(none, '');
      const unaware = await open({ devices: devices(), mountInfoPath: none });
      await expect(unaware.openForWriting('b')).rejects.toThrow(/cannot be opened for writing/);
      const aware = await open({ devices: devices() });
      await expect(aware.openForWriting('b')).rejects.toThrow(/is mounted on/);
    } finally {
      execFileSync('umount', [point]);
    }
  });

  /** Where there are none: what decides is the number, and it is the kernel's own. */
  function expectMountsByNumber(): void {
    const { dev } = statSync('/');
    const root = readFileSync('/proc/self/mountinfo', 'utf8')
      .split('\n')
      .map((line) => line.split(' '))
      .find((fields) => fields[4] === '/');
    expect(deviceNumber(dev)).toBe(root?.[2]);
  }
});
