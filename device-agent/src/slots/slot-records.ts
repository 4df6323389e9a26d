import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { sha256Schema, versionSchema } from '@flotilla/contracts';
import { syncFolder, type Logger } from '@flotilla/service';
import { z } from 'zod';
import {
  CorruptFileError,
  isDiskFault,
  isFileError,
  readJsonFile,
  writeFileDurably,
} from '../disk/durable-file.ts';
import type { DurableStep } from '../disk/durable-step.ts';
import { bundleTreeSchema, type BundleTree } from './bundle-tree.ts';
import type { SlotName } from './domain/slot-state.ts';
import type { SlotContent } from './slot-backend.ts';

const contentSchema = z.object({
  version: versionSchema,
  sha256: sha256Schema,
  sizeBytes: z.number().int().positive(),
});

/** Which bytes passed a trial in this slot. */
const confirmationSchema = z.object({ sha256: sha256Schema });

/**
 * What the agent knows about the slots beside the boot environment: `<folder>/<slot>/content.json` as
 * the sign that a verified artifact is complete, `tree.json` with what a bundle unpacked to,
 * `confirmed.json` once it passed a trial.
 */
export class SlotRecords {
  readonly #folder: string;
  readonly #step: DurableStep;
  readonly #logger: Logger;

  constructor(folder: string, step: DurableStep, logger: Logger) {
    this.#folder = folder;
    this.#step = step;
    this.#logger = logger;
  }

  folderOf(slot: SlotName): string {
    return join(this.#folder, slot);
  }

  /** Empties the slot's folder, or makes it. */
  async clear(slot: SlotName): Promise<void> {
    const folder = this.folderOf(slot);
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder, { recursive: true });
    await syncFolder(this.#folder);
  }

  async content(slot: SlotName): Promise<SlotContent | null> {
    return this.#read(join(this.folderOf(slot), 'content.json'), contentSchema);
  }

  async recordContent(slot: SlotName, content: SlotContent): Promise<void> {
    const path = join(this.folderOf(slot), 'content.json');
    await this.#step('slot:content', () => writeFileDurably(path, JSON.stringify(content)));
  }

  /** Null when it was never recorded, too. */
  async tree(slot: SlotName): Promise<BundleTree | null> {
    return this.#read(join(this.folderOf(slot), 'tree.json'), bundleTreeSchema);
  }

  async recordTree(slot: SlotName, tree: BundleTree): Promise<void> {
    const path = join(this.folderOf(slot), 'tree.json');
    await this.#step('slot:tree', () => writeFileDurably(path, JSON.stringify(tree)));
  }

  async isProven(slot: SlotName, sha256: string): Promise<boolean> {
    const proof = await this.#read(this.#proofPath(slot), confirmationSchema);
    return proof?.sha256 === sha256;
  }

  /** For the day the environment is lost: without it, a slot on trial would look like a good one. */
  async recordProof(slot: SlotName, { sha256 }: SlotContent): Promise<void> {
    if (await this.isProven(slot, sha256)) return;
    try {
      await this.#step('slot:confirmed', () =>
        writeFileDurably(this.#proofPath(slot), JSON.stringify({ sha256 })),
      );
    } catch (error) {
      // A full disk must not end a device that works; the next boot tries again.
      if (!isFileError(error)) throw error;
      this.#logger.warn(
        { err: error, slot },
        'that the slot is confirmed is only in the boot environment',
      );
    }
  }

  #proofPath(slot: SlotName): string {
    return join(this.folderOf(slot), 'confirmed.json');
  }

  /** A damaged file says nothing, as a missing one does: a throw would end the agent at every boot. */
  async #read<T extends z.ZodType>(path: string, schema: T): Promise<z.output<T> | null> {
    try {
      return await readJsonFile(path, schema);
    } catch (error) {
      if (!(error instanceof CorruptFileError) && !isDiskFault(error)) throw error;
      this.#logger.error({ err: error, path }, 'a damaged file of a slot counts as missing');
      return null;
    }
  }
}
