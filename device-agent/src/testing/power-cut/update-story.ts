import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pino } from 'pino';
import { z } from 'zod';
import { openLoaderEnvironment, type LoaderEnvironment } from '../../boot/loader-environment.ts';
import { simulateBoot } from '../../boot/simulated-loader.ts';
import { readOrSetAside, writeFileDurably } from '../../disk/durable-file.ts';
import type { DurableStep } from '../../disk/durable-step.ts';
import { copyPath } from '../../slots/boot-environment.ts';
import { DirectoryBackend } from '../../slots/directory-backend.ts';
import {
  isUnconfirmed,
  otherSlot,
  SLOT_NAMES,
  type SlotName,
} from '../../slots/domain/slot-state.ts';
import { ImageBackend } from '../../slots/image-backend.ts';
import { SlotResumeError, type SlotBackend, type SlotContent } from '../../slots/slot-backend.ts';
import { decideResume } from '../../update/domain/update-machine.ts';
import { PowerCutError } from '../power-cut.ts';
import { TearingPower, type TearingCut } from './tearing-power.ts';

const silent = pino({ level: 'silent' });
const TRIES = 3;
const MAX_STARTS = 60;

export const DEVICE_KINDS = ['directory', 'image+uboot', 'image+grub'] as const;
export type DeviceKind = (typeof DEVICE_KINDS)[number];

export interface Artifact extends SlotContent {
  readonly bytes: Buffer;
}

export interface StoryOptions {
  readonly kind: DeviceKind;
  /** Empty, and removed by the caller. */
  readonly folder: string;
  readonly old: Artifact;
  readonly next: Artifact;
  /** Whether `next` passes its trial. */
  readonly isGood: boolean;
  /** One per start of the machine; after the last the power stays. */
  readonly cuts: readonly TearingCut[];
  readonly random: () => number;
}

export type StoryEnd = 'updated' | 'rolled_back' | 'bricked' | 'wrong_version' | 'stuck';

export interface StoryResult {
  readonly end: StoryEnd;
  /** Durable writes of each start. */
  readonly writes: readonly (readonly string[])[];
  readonly cutsMade: number;
}

const PHASES = [
  'IDLE',
  'INSTALLING',
  'VERIFIED',
  'ARMED',
  'TRIAL',
  'CONFIRMED',
  'ROLLED_BACK',
] as const;
const journalSchema = z.object({
  phase: z.enum(PHASES),
  target: z.enum(SLOT_NAMES).nullable(),
  offsetBytes: z.number().int(),
});
type Journal = z.infer<typeof journalSchema>;

/** A device whose slot `a` holds `old`, confirmed, while it takes `next`: with real backends on real files. */
export class UpdateStory {
  readonly #options: StoryOptions;
  #power: TearingPower;
  #journal: Journal = { phase: 'IDLE', target: null, offsetBytes: 0 };

  private constructor(options: StoryOptions) {
    this.#options = options;
    this.#power = this.#newPower(null);
  }

  static async play(options: StoryOptions): Promise<StoryResult> {
    const story = new UpdateStory(options);
    await story.#provision();
    return story.#play();
  }

  async #play(): Promise<StoryResult> {
    const writes: string[][] = [];
    let cutsMade = 0;
    for (let start = 0; start < MAX_STARTS; start += 1) {
      this.#power = this.#newPower(this.#options.cuts[start] ?? null);
      let end: StoryEnd | 'reboot';
      try {
        end = await this.#start();
      } catch (error) {
        if (!(error instanceof PowerCutError)) throw error;
        cutsMade += 1;
        end = 'reboot';
      }
      writes.push(this.#power.names);
      if (end !== 'reboot') return { end, writes, cutsMade };
    }
    return { end: 'stuck', writes, cutsMade };
  }

  get #step(): DurableStep {
    return this.#power.step;
  }

  /** One start of the machine: boot loader, then the agent, up to the next restart. */
  async #start(): Promise<StoryEnd | 'reboot'> {
    const { folder, old, next } = this.#options;
    const backend = await this.#boot();
    if (backend === null) return 'bricked';
    const boot = await backend.boot();
    if (boot.kind === 'unreadable') {
      await backend.markUnreadable(boot.slot);
      return 'reboot';
    }
    if (boot.kind === 'nothing_bootable') return 'bricked';
    const { slot } = boot.booted;
    const digest = sha256(this.#bytesOf(backend, slot));
    if (digest !== old.sha256 && digest !== next.sha256) return 'wrong_version';
    const read = await readOrSetAside(join(folder, 'story.json'), journalSchema, silent);
    this.#journal = read ?? { phase: 'IDLE', target: null, offsetBytes: 0 };
    return this.#afterBoot(backend, slot, digest === next.sha256);
  }

  async #afterBoot(
    backend: SlotBackend,
    booted: SlotName,
    isNext: boolean,
  ): Promise<StoryEnd | 'reboot'> {
    const { phase, target } = this.#journal;
    const states = backend.environment().slots;
    const decision = decideResume({
      phase,
      target: target && { slot: target, state: states[target].kind },
      booted: { slot: booted, state: states[booted].kind },
    });
    switch (decision.kind) {
      case 'arm':
        return this.#arm(backend, otherSlot(booted));
      case 'reject':
        await backend.reject(booted);
        return 'reboot';
      case 'trial':
        await this.#save('TRIAL', target);
        if (!this.#options.isGood) return 'reboot';
        await backend.confirm(booted);
        await this.#save('CONFIRMED', target);
        return isNext ? 'updated' : 'wrong_version';
      case 'finish':
        if (decision.event === 'passed') await this.#save('CONFIRMED', target);
        if (decision.event === 'booted_other') await this.#save('ROLLED_BACK', target);
        if (target !== null && isUnconfirmed(states[target])) await backend.reject(target);
        if (isNext) return states[booted].kind === 'good' ? 'updated' : 'wrong_version';
        return 'rolled_back';
      case 'operate':
        await backend.renewTries(booted);
        await this.#install(backend, otherSlot(booted));
        return this.#arm(backend, otherSlot(booted));
      case 'go_back':
        throw new Error('nobody orders this device back');
    }
  }

  async #install(backend: SlotBackend, target: SlotName): Promise<void> {
    const { next } = this.#options;
    const from = this.#journal.phase === 'INSTALLING' ? this.#journal.offsetBytes : 0;
    await this.#save('INSTALLING', target, from);
    const { writer, at } = await this.#openAt(backend, target, from);
    try {
      const chunkBytes = Math.ceil(next.sizeBytes / 6);
      for (let offset = at; offset < next.sizeBytes; offset += chunkBytes) {
        const chunk = next.bytes.subarray(offset, offset + chunkBytes);
        await this.#step('data:chunk', () => writer.write(chunk));
        const durable = await writer.checkpoint();
        await this.#save('INSTALLING', target, durable);
      }
      await writer.finish();
    } finally {
      await writer.abandon();
    }
    const { version, sha256: digest, sizeBytes } = next;
    await backend.seal(target, { version, sha256: digest, sizeBytes });
    await this.#save('VERIFIED', target);
  }

  /** Where an earlier run stopped, if the slot holds just what it wrote. */
  async #openAt(backend: SlotBackend, target: SlotName, from: number) {
    try {
      const writer = await backend.openForWriting(target, from);
      const prefix: Buffer[] = [];
      if (from > 0) {
        for await (const chunk of backend.readBack(target, 0, from)) prefix.push(chunk);
      }
      if (Buffer.concat(prefix).equals(this.#options.next.bytes.subarray(0, from))) {
        return { writer, at: from };
      }
      await writer.abandon();
    } catch (error) {
      if (!(error instanceof SlotResumeError)) throw error;
    }
    return { writer: await backend.openForWriting(target), at: 0 };
  }

  async #arm(backend: SlotBackend, target: SlotName): Promise<'reboot'> {
    await backend.arm(target);
    await this.#save('ARMED', target);
    return 'reboot';
  }

  async #save(phase: Journal['phase'], target: SlotName | null, offsetBytes = 0): Promise<void> {
    this.#journal = { phase, target, offsetBytes };
    const path = join(this.#options.folder, 'story.json');
    await this.#step(`journal:${phase}`, () =>
      writeFileDurably(path, JSON.stringify(this.#journal)),
    );
  }

  async #boot(): Promise<SlotBackend | null> {
    const { folder, kind, old } = this.#options;
    const step = this.#step;
    if (kind === 'directory') {
      return DirectoryBackend.open({ deviceDir: folder, tries: TRIES, step, logger: silent });
    }
    const environment = this.#environment();
    const canStart = (slot: SlotName) => Promise.resolve(this.#isBootable(slot));
    const booted = await simulateBoot({ environment, canStart, step });
    if (booted === null) return null;
    return ImageBackend.open({
      deviceDir: folder,
      devices: { a: this.#device('a'), b: this.#device('b') },
      booted,
      factoryVersion: old.version,
      openEnvironment: (through) => openLoaderEnvironment(environment, TRIES, through),
      tries: TRIES,
      step,
      logger: silent,
    });
  }

  async #provision(): Promise<void> {
    const { folder, kind, old } = this.#options;
    const capacity = Buffer.alloc(2 * this.#options.next.sizeBytes);
    if (kind === 'directory') {
      const backend = await this.#boot();
      if (backend !== null) await this.#install0(backend);
      return;
    }
    mkdirSync(join(folder, 'boot'), { recursive: true });
    for (const slot of SLOT_NAMES) writeFileSync(this.#device(slot), capacity);
    writeFileSync(this.#device('a'), old.bytes, { flag: 'r+' });
    const slots = join(folder, 'slots', 'a');
    mkdirSync(slots, { recursive: true });
    const { version, sha256: digest, sizeBytes } = old;
    writeFileSync(
      join(slots, 'content.json'),
      JSON.stringify({ version, sha256: digest, sizeBytes }),
    );
    writeFileSync(join(slots, 'confirmed.json'), JSON.stringify({ sha256: digest }));
    const { store } = await openLoaderEnvironment(this.#environment(), TRIES, this.#step);
    const good = { kind: 'good', triesLeft: TRIES } as const;
    // Both copies, as a factory leaves them.
    for (const name of ['first', 'second']) {
      await store.change(name, (now) => ({ ...now, slots: { ...now.slots, a: { ...good } } }));
    }
  }

  async #install0(backend: SlotBackend): Promise<void> {
    const { old } = this.#options;
    const writer = await backend.openForWriting('a');
    await writer.write(old.bytes);
    await writer.finish();
    const { version, sha256: digest, sizeBytes } = old;
    await backend.seal('a', { version, sha256: digest, sizeBytes });
    await backend.arm('a');
    await backend.boot();
    await backend.confirm('a');
  }

  #newPower(cut: TearingCut | null): TearingPower {
    const { folder, kind, random } = this.#options;
    const environment =
      kind === 'directory'
        ? [copyPath(join(folder, 'boot'), 0), copyPath(join(folder, 'boot'), 1)]
        : ['env0', 'env1'].map((name) => join(folder, 'boot', name));
    const slots = SLOT_NAMES.map((slot) =>
      kind === 'directory' ? join(folder, 'slots', slot, 'artifact.tar') : this.#device(slot),
    );
    return new TearingPower({ cut, inPlace: [...environment, ...slots], random });
  }

  #environment(): LoaderEnvironment {
    const folder = join(this.#options.folder, 'boot');
    if (this.#options.kind === 'image+grub') return { loader: 'grub', folder };
    const at = (name: string) => ({ path: join(folder, name), offsetBytes: 0 });
    return { loader: 'uboot', sizeBytes: 4096, locations: [at('env0'), at('env1')] };
  }

  #device(slot: SlotName): string {
    return join(this.#options.folder, `slot-${slot}.img`);
  }

  /** Stands for what a loader finds by a file system's or kernel's own mark: the image's first bytes. */
  #isBootable(slot: SlotName): boolean {
    const path = this.#device(slot);
    if (!existsSync(path)) return false;
    return readFileSync(path)
      .subarray(0, 512)
      .some((byte) => byte !== 0);
  }

  #bytesOf(backend: SlotBackend, slot: SlotName): Buffer {
    const { old, next } = this.#options;
    const bytes = readFileSync(backend.artifactPath(slot));
    // A partition is longer than its image.
    const isOld = bytes.subarray(0, old.sizeBytes).equals(old.bytes);
    return bytes.subarray(0, isOld ? old.sizeBytes : next.sizeBytes);
  }
}

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
