import { createHash } from 'node:crypto';
import { mkdir, readFile, rm, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from '@flotilla/service';
import { isDiskFault, isFileError } from '../disk/durable-file.ts';
import type { DurableStep } from '../disk/durable-step.ts';
import { writeAt } from '../disk/write-at.ts';
import { UpdateRefusal } from '../update-refusal.ts';
import type { OpenedEnvironment } from './boot-environment-store.ts';
import * as boot from './domain/boot-decision.ts';
import { otherSlot, SLOT_NAMES, type SlotName } from './domain/slot-state.ts';
import { HEAD_BYTES, ImageWriter } from './image-writer.ts';
import { readExactly } from './read-exactly.ts';
import {
  SlotResumeError,
  type BootResult,
  type SlotBackend,
  type SlotContent,
} from './slot-backend.ts';
import { openSlotDevices, openSlotForWriting, type SlotDevice } from './slot-device.ts';
import { SlotRecords } from './slot-records.ts';
import { SlotStates } from './slot-states.ts';

export interface ImageBackendOptions {
  /** On a data partition that survives updates: gets `slots/` with what is known of each slot. */
  readonly deviceDir: string;
  /** Partitions, or files of the size of one. */
  readonly devices: Readonly<Record<SlotName, string>>;
  /** The slot that runs, as the boot loader said on the kernel's command line (`bootedSlotOf`). */
  readonly booted: SlotName;
  /** Version of what runs, asked when nothing is recorded about it: what the factory wrote. */
  readonly factoryVersion: string;
  /** Opens the boot loader's environment, e.g. `openUbootEnvironment`. */
  readonly openEnvironment: (step: DurableStep) => Promise<OpenedEnvironment>;
  /** At most 9: boot scripts count with one digit. */
  readonly tries: number;
  readonly step: DurableStep;
  readonly logger: Logger;
  /** /proc/self/mountinfo unless told. */
  readonly mountInfoPath?: string;
}

/**
 * Whole systems in two partitions (or files) that a boot loader starts. The loader spends the tries;
 * this side writes the slot that does not run and changes the environment. Root file systems are
 * expected to be mounted read-only: a slot that changed is neither a delta's base nor a last resort
 * once the boot environment is lost.
 */
export class ImageBackend extends SlotStates implements SlotBackend {
  readonly kind = 'image';
  readonly #options: ImageBackendOptions;
  readonly #devices: Readonly<Record<SlotName, SlotDevice>>;

  private constructor(
    options: ImageBackendOptions,
    devices: Readonly<Record<SlotName, SlotDevice>>,
    { store }: OpenedEnvironment,
  ) {
    const { deviceDir, step, logger, tries } = options;
    super(store, new SlotRecords(join(deviceDir, 'slots'), step, logger), tries);
    this.#options = options;
    this.#devices = devices;
  }

  /** Throws SlotDeviceError when the slots are not two usable devices. */
  static async open(options: ImageBackendOptions): Promise<ImageBackend> {
    const devices = await openSlotDevices(options.devices);
    const opened = await options.openEnvironment(options.step);
    const backend = new ImageBackend(options, devices, opened);
    for (const slot of SLOT_NAMES) {
      await mkdir(backend.records.folderOf(slot), { recursive: true });
    }
    await backend.#reconcile(opened.lost);
    return backend;
  }

  /** Same answer each time: only a restart of the machine boots again. */
  async boot(): Promise<BootResult> {
    const { booted: slot } = this.#options;
    const content = await this.content(slot);
    if (content === null) throw new Error(`nothing is recorded about slot ${slot}, which runs`);
    if (this.environment().slots[slot].kind === 'good') {
      await this.records.recordProof(slot, content);
    }
    return { kind: 'booted', booted: { kind: 'image', slot, content } };
  }

  artifactPath(slot: SlotName): string {
    return this.#devices[slot].path;
  }

  capacityBytes(slot: SlotName): Promise<number> {
    return Promise.resolve(this.#devices[slot].capacityBytes);
  }

  async openForWriting(slot: SlotName, resumeAtBytes = 0): Promise<ImageWriter> {
    if (slot === this.#options.booted) {
      throw new Error(`slot ${slot} is running and is never written`);
    }
    return resumeAtBytes > 0 ? this.#resume(slot, resumeAtBytes) : this.#begin(slot);
  }

  async *readBack(slot: SlotName, firstByte: number, lengthBytes: number): AsyncGenerator<Buffer> {
    const { logger } = this.#options;
    const { path } = this.#devices[slot];
    const inHead = await this.#headInFile(slot, firstByte, lengthBytes);
    if (inHead.length > 0) yield inHead;
    const first = firstByte + inHead.length;
    yield* readExactly(path, first, lengthBytes - inHead.length, logger);
  }

  async seal(slot: SlotName, content: SlotContent): Promise<void> {
    const { step } = this.#options;
    // Without its head first: a slot with other bytes than the signed ones must never be bootable.
    await this.#checkDigest(slot, content);
    await step('data:head', () => this.#writeHead(slot, content.sizeBytes));
    await rm(this.#headPath(slot), { force: true });
    await this.#checkDigest(slot, content);
    await this.records.recordContent(slot, content);
    await this.store.change('written', (now) => boot.markWritten(now, slot));
  }

  async #begin(slot: SlotName): Promise<ImageWriter> {
    const { step } = this.#options;
    await this.store.change('invalidate', (now) => boot.invalidateTarget(now, slot));
    await this.records.clear(slot);
    const device = await this.#openDevice(slot);
    try {
      const zeros = Buffer.alloc(Math.min(HEAD_BYTES, this.#devices[slot].capacityBytes));
      await step('data:clear', async () => {
        await writeAt(device, zeros, 0);
        await device.datasync();
      });
    } catch (error) {
      await device.close();
      throw error;
    }
    return this.#writer(slot, device);
  }

  async #resume(slot: SlotName, resumeAtBytes: number): Promise<ImageWriter> {
    const { kind } = this.environment().slots[slot];
    if (kind !== 'writing') throw new SlotResumeError(`slot ${slot} is ${kind}, not writing`);
    if (resumeAtBytes > this.#devices[slot].capacityBytes) {
      throw new SlotResumeError(`slot ${slot} has fewer than ${resumeAtBytes} bytes`);
    }
    const head = await this.#readHead(slot);
    if (head.length < Math.min(HEAD_BYTES, resumeAtBytes)) {
      throw new SlotResumeError(`of slot ${slot} only ${head.length} first bytes are kept`);
    }
    return this.#writer(slot, await this.#openDevice(slot), resumeAtBytes, head);
  }

  #writer(slot: SlotName, device: FileHandle, position = 0, head?: Buffer): ImageWriter {
    const { capacityBytes } = this.#devices[slot];
    const { step } = this.#options;
    const headPath = this.#headPath(slot);
    return new ImageWriter({ device, capacityBytes, headPath, step }, position, head);
  }

  #openDevice(slot: SlotName): Promise<FileHandle> {
    const { mountInfoPath = '/proc/self/mountinfo' } = this.#options;
    return openSlotForWriting(this.#devices[slot].path, mountInfoPath);
  }

  #headPath(slot: SlotName): string {
    return join(this.records.folderOf(slot), 'head.bin');
  }

  /** Empty when none is kept beside the slot: then it is in its place. */
  async #readHead(slot: SlotName): Promise<Buffer> {
    try {
      return await readFile(this.#headPath(slot));
    } catch (error) {
      if (isFileError(error, 'ENOENT')) return Buffer.alloc(0);
      throw error;
    }
  }

  async #headInFile(slot: SlotName, firstByte: number, lengthBytes: number): Promise<Buffer> {
    if (firstByte >= HEAD_BYTES) return Buffer.alloc(0);
    const head = await this.#readHead(slot);
    return head.subarray(firstByte, firstByte + lengthBytes);
  }

  async #writeHead(slot: SlotName, sizeBytes: number): Promise<void> {
    const head = (await this.#readHead(slot)).subarray(0, sizeBytes);
    const device = await this.#openDevice(slot);
    try {
      await writeAt(device, head, 0);
      await device.sync();
    } finally {
      await device.close();
    }
  }

  async #checkDigest(slot: SlotName, { sha256, sizeBytes }: SlotContent): Promise<void> {
    const onDisk = await this.#digest(slot, sizeBytes);
    if (onDisk === sha256) return;
    throw new UpdateRefusal(
      'slot_readback_mismatch',
      `slot ${slot} reads back with SHA-256 ${onDisk}, expected ${sha256}`,
    );
  }

  async #digest(slot: SlotName, sizeBytes: number): Promise<string> {
    const hash = createHash('sha256');
    for await (const chunk of this.readBack(slot, 0, sizeBytes)) hash.update(chunk);
    return hash.digest('hex');
  }

  /** After this the environment says of the running slot that it is good, or on trial. */
  async #reconcile(lost: boolean): Promise<void> {
    const { booted, logger } = this.#options;
    const recorded = await this.content(booted);
    const { kind } = this.environment().slots[booted];
    if (recorded !== null && !lost && (kind === 'good' || kind === 'trial')) return;
    const other = otherSlot(booted);
    const isOtherTrusted = await this.#isTrusted(other);
    const isProven = recorded !== null && (await this.records.isProven(booted, recorded.sha256));
    // Nothing else to go back to: what runs is what the device has, as on its first day.
    const isKept = isProven || !isOtherTrusted;
    if (recorded === null) await this.records.recordContent(booted, await this.#factoryContent());
    logger.warn({ booted, lost, kind, isProven, isOtherTrusted }, 'boot environment set up anew');
    const good = { kind: 'good', triesLeft: this.tries } as const;
    const spent = { kind: 'trial', triesLeft: 0 } as const;
    const lastResort = { kind: 'good', triesLeft: 0 } as const;
    const otherState = isOtherTrusted ? (isKept ? lastResort : good) : { kind: 'bad' as const };
    await this.store.change('rebuild', (now) => ({
      order: isKept ? [booted, other] : [other, booted],
      slots: {
        ...now.slots,
        [booted]: isKept ? good : spent,
        ...((lost || isOtherTrusted) && { [other]: otherState }),
      },
    }));
  }

  async #isTrusted(slot: SlotName): Promise<boolean> {
    const content = await this.content(slot);
    if (content === null || !(await this.records.isProven(slot, content.sha256))) return false;
    try {
      return (await this.#digest(slot, content.sizeBytes)) === content.sha256;
    } catch (error) {
      if (error instanceof SlotResumeError || isDiskFault(error)) return false;
      throw error;
    }
  }

  /**
   * The digest of the whole slot, or of what can be read of it: no delta starts from it, unless the
   * image filled the slot.
   */
  async #factoryContent(): Promise<SlotContent> {
    const { booted, factoryVersion, logger } = this.#options;
    const sizeBytes = this.#devices[booted].capacityBytes;
    const hash = createHash('sha256');
    try {
      for await (const chunk of this.readBack(booted, 0, sizeBytes)) hash.update(chunk);
    } catch (error) {
      if (!isDiskFault(error)) throw error;
      logger.error({ err: error, booted }, 'the slot that runs cannot be read to its end');
    }
    return { version: factoryVersion, sha256: hash.digest('hex'), sizeBytes };
  }
}
