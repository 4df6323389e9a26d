import { mkdir, readlink, rename, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { Bundle } from '@flotilla/contracts';
import { syncFolder, type Logger } from '@flotilla/service';
import { isDiskFault, isDiskFull, isFileError } from '../disk/durable-file.ts';
import type { DurableStep } from '../disk/durable-step.ts';
import { digestFile } from '../disk/file-digest.ts';
import { UpdateRefusal } from '../update-refusal.ts';
import { ArtifactFile } from './artifact-file.ts';
import { openOwnEnvironment } from './boot-environment.ts';
import type { BootEnvironmentStore } from './boot-environment-store.ts';
import { BundleError } from './bundle-error.ts';
import { extractBundle, readBundle } from './bundle-extraction.ts';
import { checkTree, type BundleTree } from './bundle-tree.ts';
import * as boot from './domain/boot-decision.ts';
import { otherSlot, SLOT_NAMES, type SlotName } from './domain/slot-state.ts';
import { readExactly } from './read-exactly.ts';
import {
  SlotResumeError,
  type BootResult,
  type SlotBackend,
  type SlotContent,
} from './slot-backend.ts';
import { SlotRecords } from './slot-records.ts';
import { SlotStates } from './slot-states.ts';

/** Of a slot's files that are read at a start; a device with more reads others each time. */
const CHECKED_BYTES = 256 * 1024 * 1024;

export interface DirectoryBackendOptions {
  /** Gets `boot/` (the environment's two copies) and `slots/`. */
  readonly deviceDir: string;
  /** Boots a new slot gets on trial; also what a good slot is renewed to. */
  readonly tries: number;
  readonly step: DurableStep;
  /** 0 to 1. */
  readonly random: () => number;
  readonly logger: Logger;
}

/**
 * Application bundles in two folders: `slots/<slot>/artifact.tar` as verified, `tree/` as unpacked,
 * `tree.json` with the digests of its files, `content.json` as the sign that both are complete,
 * `confirmed.json` once they passed a trial. Files of a bundle belong to it: firmware that changes
 * them finds them as delivered after its next start.
 * `slots/current` points to the booted slot.
 */
export class DirectoryBackend extends SlotStates implements SlotBackend {
  readonly kind = 'directory';
  readonly #slotsDir: string;
  readonly #options: DirectoryBackendOptions;
  #running: SlotName | null = null;

  private constructor(options: DirectoryBackendOptions, store: BootEnvironmentStore) {
    const { deviceDir, step, logger, tries } = options;
    const slotsDir = join(deviceDir, 'slots');
    super(store, new SlotRecords(slotsDir, step, logger), tries);
    this.#options = options;
    this.#slotsDir = slotsDir;
  }

  static async open(options: DirectoryBackendOptions): Promise<DirectoryBackend> {
    const { store, lost } = await openOwnEnvironment(join(options.deviceDir, 'boot'), options.step);
    const backend = new DirectoryBackend(options, store);
    for (const slot of SLOT_NAMES) {
      await mkdir(backend.records.folderOf(slot), { recursive: true });
    }
    if (lost) await backend.#rebuildEnvironment();
    return backend;
  }

  async boot(): Promise<BootResult> {
    const { tries } = this;
    const { slot } = boot.decideBoot(this.environment(), tries);
    this.#running = slot;
    if (slot === null) return { kind: 'nothing_bootable' };
    await this.#orUnwritten(slot, async () => {
      await this.store.change(`boot:${slot}`, (environment) => {
        const decision = boot.decideBoot(environment, tries);
        return decision.slot === null ? environment : decision.next;
      });
      await this.#pointCurrentTo(slot);
    });
    const content = await this.content(slot);
    const treePath = this.#treePath(slot);
    try {
      if (content === null) throw new BundleError('the slot holds no complete artifact');
      const bundle = await this.#readTree(slot, content);
      if (this.#isGood(slot)) await this.records.recordProof(slot, content);
      return { kind: 'booted', booted: { kind: 'bundle', slot, content, treePath, bundle } };
    } catch (error) {
      if (!(error instanceof BundleError)) throw error;
      return { kind: 'unreadable', slot, why: error.message };
    }
  }

  artifactPath(slot: SlotName): string {
    return join(this.#slotsDir, slot, 'artifact.tar');
  }

  capacityBytes(): Promise<null> {
    return Promise.resolve(null);
  }

  async openForWriting(slot: SlotName, resumeAtBytes = 0): Promise<ArtifactFile> {
    if (slot === this.#running) throw new Error(`slot ${slot} is running and is never written`);
    const { step } = this.#options;
    if (resumeAtBytes > 0) {
      const { kind } = this.environment().slots[slot];
      if (kind !== 'writing') throw new SlotResumeError(`slot ${slot} is ${kind}, not writing`);
      return ArtifactFile.resume(this.artifactPath(slot), resumeAtBytes, step);
    }
    await this.store.change('invalidate', (now) => boot.invalidateTarget(now, slot));
    await this.records.clear(slot);
    return ArtifactFile.create(this.artifactPath(slot), step);
  }

  async *readBack(slot: SlotName, firstByte: number, lengthBytes: number): AsyncGenerator<Buffer> {
    const { logger } = this.#options;
    yield* readExactly(this.artifactPath(slot), firstByte, lengthBytes, logger);
  }

  async seal(slot: SlotName, content: SlotContent): Promise<void> {
    const onDisk = await digestFile(this.artifactPath(slot), this.#options.logger);
    if (onDisk.sha256 !== content.sha256) {
      throw new UpdateRefusal(
        'slot_readback_mismatch',
        `slot ${slot} reads back with SHA-256 ${onDisk.sha256}, expected ${content.sha256}`,
      );
    }
    const treePath = this.#treePath(slot);
    await rm(treePath, { recursive: true, force: true });
    await mkdir(treePath);
    const tree = await unpackChecked(this.artifactPath(slot), treePath, content.version);
    await this.records.recordTree(slot, tree);
    await this.records.recordContent(slot, content);
    await this.store.change('written', (now) => boot.markWritten(now, slot));
  }

  #treePath(slot: SlotName): string {
    return join(this.#slotsDir, slot, 'tree');
  }

  #isGood(slot: SlotName): boolean {
    return this.environment().slots[slot].kind === 'good';
  }

  /** A disk that takes no writes must not keep a confirmed firmware from running. */
  async #orUnwritten(slot: SlotName, write: () => Promise<void>): Promise<void> {
    try {
      await write();
    } catch (error) {
      if (!this.#isGood(slot) || !(isDiskFault(error) || isDiskFull(error))) throw error;
      this.#options.logger.error({ err: error, slot }, 'booted without a word in the environment');
    }
  }

  /** Throws BundleError. A confirmed slot is worth unpacking again; on trial damage counts as failure. */
  async #readTree(slot: SlotName, content: SlotContent): Promise<Bundle> {
    const treePath = this.#treePath(slot);
    try {
      const bundle = await readBundle(treePath);
      await this.#checkTree(slot);
      return bundle;
    } catch (error) {
      if (!(error instanceof BundleError) || !this.#isGood(slot)) throw error;
      const isRepaired = await this.#repair(slot, content, error);
      // Damaged firmware may run as long as it does, but not in place of whole firmware.
      if (!isRepaired && this.#isGood(otherSlot(slot))) throw error;
      return readBundle(treePath);
    }
  }

  /** Throws BundleError. */
  async #checkTree(slot: SlotName): Promise<void> {
    const { random } = this.#options;
    const tree = await this.records.tree(slot);
    if (tree === null) throw new BundleError('nothing says what the slot was unpacked to');
    const check = { budgetBytes: CHECKED_BYTES, startAt: random() };
    await checkTree(this.#treePath(slot), tree, check);
  }

  /** From the artifact as it was delivered; false when that is damaged too, or the disk takes no more. */
  async #repair(slot: SlotName, content: SlotContent, fault: BundleError): Promise<boolean> {
    const { logger } = this.#options;
    const isWhole = await this.#holdsArtifact(slot, content);
    logger.error(
      { err: fault, slot, isWhole },
      'damaged slot: unpacked again if its artifact is whole',
    );
    if (!isWhole) return false;
    try {
      await this.#unpackAgain(slot);
      return true;
    } catch (error) {
      if (!isDiskFault(error) && !isDiskFull(error)) throw error;
      logger.error({ err: error, slot }, 'the damaged slot cannot be unpacked again');
      return false;
    }
  }

  /** A tree is whole or not there, wherever the power goes. */
  async #unpackAgain(slot: SlotName): Promise<void> {
    const treePath = this.#treePath(slot);
    const fresh = `${treePath}.new`;
    await rm(fresh, { recursive: true, force: true });
    await mkdir(fresh);
    const tree = await extractBundle(this.artifactPath(slot), fresh);
    await this.records.recordTree(slot, tree);
    await this.#options.step('slot:repair', async () => {
      await rm(treePath, { recursive: true, force: true });
      await rename(fresh, treePath);
      await syncFolder(this.records.folderOf(slot));
    });
  }

  async #pointCurrentTo(slot: SlotName): Promise<void> {
    const link = join(this.#slotsDir, 'current');
    await rm(`${link}.tmp`, { force: true });
    await symlink(slot, `${link}.tmp`);
    await rename(`${link}.tmp`, link);
    await syncFolder(this.#slotsDir);
  }

  /**
   * Both copies are unreadable, which no single power cut does. A slot is trusted if it was confirmed
   * and its artifact still has the digest that was verified; without one the device has no firmware.
   */
  async #rebuildEnvironment(): Promise<void> {
    const { tries } = this;
    const { logger } = this.#options;
    const target = await readLink(join(this.#slotsDir, 'current'));
    const lastRun = SLOT_NAMES.find((name) => name === target) ?? null;
    const trusted: SlotName[] = [];
    for (const slot of SLOT_NAMES) if (await this.#isTrusted(slot)) trusted.push(slot);
    const rebuilt = boot.rebuildEnvironment(lastRun, trusted, tries);
    if (rebuilt === null) {
      logger.error(
        { lastRun },
        'the boot environment is lost and no slot can be trusted: starting empty',
      );
      return;
    }
    logger.error(
      { lastRun, trusted },
      'the boot environment is lost: rebuilt from what the slots hold',
    );
    await this.store.change('rebuild', () => rebuilt);
  }

  async #isTrusted(slot: SlotName): Promise<boolean> {
    const content = await this.content(slot);
    if (content === null || !(await this.records.isProven(slot, content.sha256))) return false;
    return this.#holdsArtifact(slot, content);
  }

  async #holdsArtifact(slot: SlotName, { sha256 }: SlotContent): Promise<boolean> {
    const { logger } = this.#options;
    try {
      return (await digestFile(this.artifactPath(slot), logger)).sha256 === sha256;
    } catch (error) {
      if (isFileError(error, 'ENOENT') || isDiskFault(error)) return false;
      throw error;
    }
  }
}

/** Unpacks and checks the description; a refusal names the reason, a broken disk keeps its error. */
async function unpackChecked(
  tarPath: string,
  treePath: string,
  version: string,
): Promise<BundleTree> {
  try {
    const tree = await extractBundle(tarPath, treePath);
    const bundle = await readBundle(treePath);
    if (bundle.version !== version) {
      throw new BundleError(`the bundle says ${bundle.version}, its target ${version}`);
    }
    return tree;
  } catch (error) {
    if (!(error instanceof BundleError)) throw error;
    throw new UpdateRefusal('bundle_invalid', error.message, { cause: error });
  }
}

async function readLink(path: string): Promise<string | null> {
  try {
    return await readlink(path);
  } catch (error) {
    if (isFileError(error, 'ENOENT')) return null;
    throw error;
  }
}
