import { createHash } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { Logger } from '@flotilla/service';
import { readMetadata, verifyFirstRoot, type MetadataSet } from '@flotilla/trust';
import { z } from 'zod';
import { CorruptFileError, readJsonFile, writeFileDurably } from '../disk/durable-file.ts';
import type { DurableStep } from '../disk/durable-step.ts';

const copySchema = z.object({
  /** Of `body`: what a worn flash returns may still be JSON. */
  sha256: z.string(),
  body: z.string(),
});
const bodySchema = z.object({
  generation: z.number().int().positive(),
  set: z.object({
    root: z.string(),
    timestamp: z.string().nullable(),
    snapshot: z.string().nullable(),
    targets: z.string().nullable(),
  }),
});
type Body = z.infer<typeof bodySchema>;

const COPIES = ['set-0.json', 'set-1.json'] as const;

/**
 * What a device trusts, on disk. A set is one file, so it is never half of one and half of another;
 * there are two copies of the same set, written one after the other, so that one damaged file neither
 * loses the set nor brings an older one back. Only when both are gone does the pinned root count.
 */
export class MetadataStore {
  readonly #folder: string;
  readonly #step: DurableStep;
  #body: Body;

  private constructor(folder: string, step: DurableStep, body: Body) {
    this.#folder = folder;
    this.#step = step;
    this.#body = body;
  }

  /** `pinnedRoot` comes with the device; it counts when it is newer than what the device has. */
  static async open(
    folder: string,
    pinnedRoot: string,
    step: DurableStep,
    logger: Logger,
  ): Promise<MetadataStore> {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const copies = await Promise.all(COPIES.map((name) => readCopy(join(folder, name), logger)));
    const present = copies.filter((copy) => copy !== null);
    const newest = present.toSorted((a, b) => b.generation - a.generation)[0];
    const store = new MetadataStore(
      folder,
      step,
      newest ?? { generation: 1, set: only(pinnedRoot) },
    );
    const isPinnedNewer = versionOf(pinnedRoot) > versionOf(store.trusted.root);
    if (isPinnedNewer) await store.save({ ...store.trusted, root: pinnedRoot });
    // A power cut between the two, or one damaged copy: both are the same again.
    else if (newest !== undefined && copies.some((copy) => !isDeepStrictEqual(copy, newest))) {
      await store.#write(newest);
    }
    return store;
  }

  get trusted(): MetadataSet {
    return this.#body.set;
  }

  async save(set: MetadataSet): Promise<void> {
    if (isDeepStrictEqual(set, this.#body.set)) return;
    // In force once it is on the disk: what a full disk kept out is written with the next refresh.
    const next = { generation: this.#body.generation + 1, set: { ...set } };
    await this.#write(next);
    this.#body = next;
  }

  async #write(content: Body): Promise<void> {
    const body = JSON.stringify(content);
    const text = JSON.stringify({ sha256: digest(body), body });
    for (const name of COPIES) {
      await this.#step(`trust:${name}`, () => writeFileDurably(join(this.#folder, name), text));
    }
  }
}

/** Null when there is none, or none that can be used. */
async function readCopy(path: string, logger: Logger): Promise<Body | null> {
  try {
    const copy = await readJsonFile(path, copySchema);
    if (copy === null) return null;
    if (digest(copy.body) !== copy.sha256) throw new CorruptFileError(path);
    const body = bodySchema.parse(JSON.parse(copy.body));
    // A root that does not even sign itself would be the end of every later refresh.
    verifyFirstRoot(readMetadata('root', body.set.root));
    return body;
  } catch (error) {
    logger.error({ err: error, path }, 'a copy of the trusted metadata is damaged');
    return null;
  }
}

const only = (root: string): Body['set'] => ({
  root,
  timestamp: null,
  snapshot: null,
  targets: null,
});

const versionOf = (root: string): number => readMetadata('root', root).signed.version;

const digest = (text: string): string => createHash('sha256').update(text).digest('hex');
