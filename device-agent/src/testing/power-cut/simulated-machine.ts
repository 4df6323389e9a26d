import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pino } from 'pino';
import { openLoaderEnvironment, type LoaderEnvironment } from '../../boot/loader-environment.ts';
import { simulateBoot } from '../../boot/simulated-loader.ts';
import { writeThrough, type DurableStep } from '../../disk/durable-step.ts';
import { copyPath, openOwnEnvironment } from '../../slots/boot-environment.ts';
import { DirectoryBackend } from '../../slots/directory-backend.ts';
import { decideBoot } from '../../slots/domain/boot-decision.ts';
import { SLOT_NAMES, type SlotName } from '../../slots/domain/slot-state.ts';
import { ImageBackend } from '../../slots/image-backend.ts';
import type { SlotBackend, SlotContent } from '../../slots/slot-backend.ts';

export const DEVICE_KINDS = ['directory', 'image+uboot', 'image+grub'] as const;
export type DeviceKind = (typeof DEVICE_KINDS)[number];

export interface Artifact extends SlotContent {
  readonly bytes: Buffer;
}

/** Boots that a new slot gets. */
export const TRIES = 3;
const silent = pino({ level: 'silent' });

/** The disk of a device and what its boot loader does, real files in `folder`. */
export class SimulatedMachine {
  readonly kind: DeviceKind;
  readonly folder: string;

  constructor(kind: DeviceKind, folder: string) {
    this.kind = kind;
    this.folder = folder;
  }

  /** Files that are overwritten in place, so that a power cut can leave a mix in them. */
  get inPlaceFiles(): string[] {
    const environment =
      this.kind === 'directory'
        ? ([0, 1] as const).map((index) => copyPath(join(this.folder, 'boot'), index))
        : ['env0', 'env1'].map((name) => join(this.folder, 'boot', name));
    return [...environment, ...SLOT_NAMES.map((slot) => this.slotPath(slot))];
  }

  slotPath(slot: SlotName): string {
    return this.kind === 'directory'
      ? join(this.folder, 'slots', slot, 'artifact.tar')
      : join(this.folder, `slot-${slot}.img`);
  }

  /** Slot `a` holds `old`, confirmed, as after the first update; `b` is empty. */
  async provision(old: Artifact, slotBytes: number): Promise<void> {
    if (this.kind === 'directory') return this.#installBundle(old);
    mkdirSync(join(this.folder, 'boot'), { recursive: true });
    for (const slot of SLOT_NAMES) writeFileSync(this.slotPath(slot), Buffer.alloc(slotBytes));
    writeFileSync(this.slotPath('a'), old.bytes, { flag: 'r+' });
    const records = join(this.folder, 'slots', 'a');
    mkdirSync(records, { recursive: true });
    const { version, sha256: digest, sizeBytes } = old;
    const content = { version, sha256: digest, sizeBytes };
    writeFileSync(join(records, 'content.json'), JSON.stringify(content));
    writeFileSync(join(records, 'confirmed.json'), JSON.stringify({ sha256: digest }));
    const { store } = await openLoaderEnvironment(this.environment(), TRIES, writeThrough);
    const good = { kind: 'good', triesLeft: TRIES } as const;
    // Both copies, as a factory leaves them.
    for (const name of ['first', 'second']) {
      await store.change(name, (now) => ({ ...now, slots: { ...now.slots, a: { ...good } } }));
    }
  }

  /** What the boot loader does first; null when nothing can be started. The agent of `directory` is its own. */
  async powerOn(step: DurableStep): Promise<SlotName | null> {
    if (this.kind === 'directory') return 'a';
    const canStart = (slot: SlotName) => Promise.resolve(this.#isBootable(slot));
    return simulateBoot({ environment: this.environment(), canStart, step });
  }

  openSlots(booted: SlotName, step: DurableStep, factoryVersion: string): Promise<SlotBackend> {
    const { folder: deviceDir } = this;
    const common = { deviceDir, tries: TRIES, step, random: () => 0, logger: silent };
    if (this.kind === 'directory') return DirectoryBackend.open(common);
    return ImageBackend.open({
      ...common,
      devices: { a: this.slotPath('a'), b: this.slotPath('b') },
      booted,
      factoryVersion,
      openEnvironment: (through) => openLoaderEnvironment(this.environment(), TRIES, through),
    });
  }

  /** The slot that the next start runs; the loader of an image spends a try for the answer. */
  async nextSlot(): Promise<SlotName | null> {
    if (this.kind !== 'directory') return this.powerOn(writeThrough);
    const { store } = await openOwnEnvironment(join(this.folder, 'boot'), writeThrough);
    return decideBoot(store.current, TRIES).slot;
  }

  /** Which of them a slot holds, null for anything else. */
  contentOf(slot: SlotName, artifacts: readonly Artifact[]): Artifact | null {
    const path = this.slotPath(slot);
    if (!existsSync(path)) return null;
    const bytes = readFileSync(path);
    // A partition is longer than its image.
    const held = artifacts.find((one) => bytes.subarray(0, one.sizeBytes).equals(one.bytes));
    return held ?? null;
  }

  environment(): LoaderEnvironment {
    const folder = join(this.folder, 'boot');
    if (this.kind === 'image+grub') return { loader: 'grub', folder };
    const at = (name: string) => ({ path: join(folder, name), offsetBytes: 0 });
    return { loader: 'uboot', sizeBytes: 4096, locations: [at('env0'), at('env1')] };
  }

  /** Stands for what a loader finds by a file system's or kernel's own mark: the image's first bytes. */
  #isBootable(slot: SlotName): boolean {
    return readFileSync(this.slotPath(slot))
      .subarray(0, 512)
      .some((byte) => byte !== 0);
  }

  async #installBundle(old: Artifact): Promise<void> {
    const backend = await this.openSlots('a', writeThrough, old.version);
    const writer = await backend.openForWriting('a');
    await writer.write(old.bytes);
    await writer.finish();
    const { version, sha256: digest, sizeBytes } = old;
    await backend.seal('a', { version, sha256: digest, sizeBytes });
    await backend.arm('a');
    await backend.boot();
    await backend.confirm('a');
  }
}

export function artifactOf(version: string, bytes: Buffer): Artifact {
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  return { version, bytes, sha256, sizeBytes: bytes.length };
}
