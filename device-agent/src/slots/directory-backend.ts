import { mkdir, readlink, rename, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { sha256Schema, versionSchema } from '@flotilla/contracts';
import { syncFolder, type Logger } from '@flotilla/service';
import { z } from 'zod';
import {
  CorruptFileError,
  isFileError,
  readJsonFile,
  writeFileDurably,
} from '../disk/durable-file.ts';
import type { DurableStep } from '../disk/durable-step.ts';
import { digestFile } from '../disk/file-digest.ts';
import { UpdateRefusal } from '../update-refusal.ts';
import { ArtifactFile } from './artifact-file.ts';
import { openOwnEnvironment } from './boot-environment.ts';
import type { BootEnvironmentStore } from './boot-environment-store.ts';
import { BundleError } from './bundle-error.ts';
import { extractBundle, readBundle } from './bundle-extraction.ts';
import * as boot from './domain/boot-decision.ts';
import { SLOT_NAMES, type SlotName } from './domain/slot-state.ts';
import { readExactly } from './read-exactly.ts';
import {
  SlotResumeError,
  type BootResult,
  type SlotBackend,
  type SlotContent,
} from './slot-backend.ts';

const contentSchema = z.object({
  version: versionSchema,
  sha256: sha256Schema,
  sizeBytes: z.number().int().positive(),
});

/** Which bytes passed a trial in this slot. */
const confirmationSchema = z.object({ sha256: sha256Schema });

export interface DirectoryBackendOptions {
  /** Gets `boot/` (the environment's two copies) and `slots/`. */
  readonly deviceDir: string;
  /** Boots a new slot gets on trial; also what a good slot is renewed to. */
  readonly tries: number;
  readonly step: DurableStep;
  readonly logger: Logger;
}

/**
 * Application bundles in two folders: `slots/<slot>/artifact.tar` as verified, `tree/` as unpacked,
 * `content.json` as the sign that both are complete, `confirmed.json` once they passed a trial.
 * `slots/current` points to the booted slot.
 */
export class DirectoryBackend implements SlotBackend {
  readonly kind = 'directory';
  readonly #slotsDir: string;
  readonly #options: DirectoryBackendOptions;
  readonly #store: BootEnvironmentStore;
  #running: SlotName | null = null;

  private constructor(options: DirectoryBackendOptions, store: BootEnvironmentStore) {
    this.#options = options;
    this.#slotsDir = join(options.deviceDir, 'slots');
    this.#store = store;
  }

  static async open(options: DirectoryBackendOptions): Promise<DirectoryBackend> {
    const { store, lost } = await openOwnEnvironment(join(options.deviceDir, 'boot'), options.step);
    const backend = new DirectoryBackend(options, store);
    for (const slot of SLOT_NAMES) {
      await mkdir(join(backend.#slotsDir, slot), { recursive: true });
    }
    if (lost) await backend.#rebuildEnvironment();
    return backend;
  }

  environment(): boot.BootEnvironment {
    return this.#store.current;
  }

  async boot(): Promise<BootResult> {
    const { tries } = this.#options;
    const { slot } = boot.decideBoot(this.environment(), tries);
    this.#running = slot;
    if (slot === null) return { kind: 'nothing_bootable' };
    await this.#store.change(`boot:${slot}`, (environment) => {
      const decision = boot.decideBoot(environment, tries);
      return decision.slot === null ? environment : decision.next;
    });
    await this.#pointCurrentTo(slot);
    const content = await this.content(slot);
    const treePath = join(this.#slotsDir, slot, 'tree');
    try {
      if (content === null) throw new BundleError('the slot holds no complete artifact');
      const bundle = await readBundle(treePath);
      if (this.environment().slots[slot].kind === 'good') await this.#recordProof(slot, content);
      return { kind: 'booted', booted: { kind: 'bundle', slot, content, treePath, bundle } };
    } catch (error) {
      if (!(error instanceof BundleError)) throw error;
      return { kind: 'unreadable', slot, why: error.message };
    }
  }

  async content(slot: SlotName): Promise<SlotContent | null> {
    return this.#readSlotFile(this.#contentPath(slot), contentSchema);
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
    await this.#store.change('invalidate', (now) => boot.invalidateTarget(now, slot));
    const folder = join(this.#slotsDir, slot);
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder, { recursive: true });
    await syncFolder(this.#slotsDir);
    return ArtifactFile.create(this.artifactPath(slot), step);
  }

  async *readBack(slot: SlotName, firstByte: number, lengthBytes: number): AsyncGenerator<Buffer> {
    yield* readExactly(this.artifactPath(slot), firstByte, lengthBytes);
  }

  async seal(slot: SlotName, content: SlotContent): Promise<void> {
    const onDisk = await digestFile(this.artifactPath(slot));
    if (onDisk.sha256 !== content.sha256) {
      throw new UpdateRefusal(
        'slot_readback_mismatch',
        `slot ${slot} reads back with SHA-256 ${onDisk.sha256}, expected ${content.sha256}`,
      );
    }
    const treePath = join(this.#slotsDir, slot, 'tree');
    await rm(treePath, { recursive: true, force: true });
    await mkdir(treePath);
    await unpackChecked(this.artifactPath(slot), treePath, content.version);
    await this.#options.step('slot:content', () =>
      writeFileDurably(this.#contentPath(slot), JSON.stringify(content)),
    );
    await this.#store.change('written', (now) => boot.markWritten(now, slot));
  }

  async arm(slot: SlotName): Promise<void> {
    const { tries } = this.#options;
    await this.#store.change('arm', (now) => boot.armTarget(now, slot, tries));
  }

  async confirm(slot: SlotName): Promise<void> {
    const { tries } = this.#options;
    await this.#store.change('confirm', (now) => boot.confirmSlot(now, slot, tries));
    const content = await this.content(slot);
    if (content !== null) await this.#recordProof(slot, content);
  }

  async renewTries(slot: SlotName): Promise<void> {
    const { tries } = this.#options;
    await this.#store.change('renew', (now) => boot.renewTries(now, slot, tries));
  }

  async reject(slot: SlotName): Promise<void> {
    await this.#store.change('disarm', (now) => boot.rejectTarget(now, slot));
  }

  /** A damaged file says nothing, as a missing one does: a throw would end the agent at every boot. */
  async #readSlotFile<T extends z.ZodType>(path: string, schema: T): Promise<z.output<T> | null> {
    try {
      return await readJsonFile(path, schema);
    } catch (error) {
      if (!(error instanceof CorruptFileError)) throw error;
      this.#options.logger.error(
        { err: error, path },
        'a damaged file of a slot counts as missing',
      );
      return null;
    }
  }

  async markUnreadable(slot: SlotName): Promise<void> {
    await this.#store.change('unreadable', (now) => boot.markUnreadable(now, slot));
  }

  #contentPath(slot: SlotName): string {
    return join(this.#slotsDir, slot, 'content.json');
  }

  #proofPath(slot: SlotName): string {
    return join(this.#slotsDir, slot, 'confirmed.json');
  }

  /** For the day the environment is lost: without it, a slot on trial would look like a good one. */
  async #recordProof(slot: SlotName, { sha256 }: SlotContent): Promise<void> {
    const { step, logger } = this.#options;
    if (await this.#isProven(slot, sha256)) return;
    try {
      await step('slot:confirmed', () =>
        writeFileDurably(this.#proofPath(slot), JSON.stringify({ sha256 })),
      );
    } catch (error) {
      // A full disk must not end a device that works; the next boot tries again.
      if (!isFileError(error)) throw error;
      logger.warn(
        { err: error, slot },
        'that the slot is confirmed is only in the boot environment',
      );
    }
  }

  async #isProven(slot: SlotName, sha256: string): Promise<boolean> {
    const proof = await this.#readSlotFile(this.#proofPath(slot), confirmationSchema);
    return proof?.sha256 === sha256;
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
    const { logger, tries } = this.#options;
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
    await this.#store.change('rebuild', () => rebuilt);
  }

  async #isTrusted(slot: SlotName): Promise<boolean> {
    const content = await this.content(slot);
    if (content === null || !(await this.#isProven(slot, content.sha256))) return false;
    try {
      return (await digestFile(this.artifactPath(slot))).sha256 === content.sha256;
    } catch (error) {
      if (isFileError(error, 'ENOENT')) return false;
      throw error;
    }
  }
}

/** Unpacks and checks the description; a refusal names the reason, a broken disk keeps its error. */
async function unpackChecked(tarPath: string, treePath: string, version: string): Promise<void> {
  try {
    await extractBundle(tarPath, treePath);
    const bundle = await readBundle(treePath);
    if (bundle.version !== version) {
      throw new BundleError(`the bundle says ${bundle.version}, its manifest ${version}`);
    }
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
