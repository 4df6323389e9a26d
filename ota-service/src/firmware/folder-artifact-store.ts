import { createHash, randomUUID } from 'node:crypto';
import { createReadStream, type Stats } from 'node:fs';
import { mkdir, open, readdir, rename, rm, stat, utimes } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { syncFolder } from '@flotilla/service';
import {
  ArtifactMissingError,
  ArtifactTooLargeError,
  type ArtifactStore,
  type PublishedArtifact,
  type StagedArtifact,
} from './artifact-store.ts';
import { FolderPartials } from './folder-partials.ts';

/** How several processes, on one or more machines, share a folder. */
export interface FolderSharing {
  /** Does one piece of work at a time over all of them. */
  exclusively<T>(work: () => Promise<T>): Promise<T>;
}

/** What another process stages is alive; what has not grown for so long is not. */
const STAGED_STALE_MS = 24 * 3_600_000;

/**
 * A content-addressed folder: `<root>/sha256/<first two digits>/<digest>`, and `<root>/incoming/` on
 * the same file system so that publishing is one rename.
 */
export class FolderArtifactStore implements ArtifactStore {
  readonly #root: string;
  readonly #incoming: string;
  readonly #sharing: FolderSharing | null;
  /** A removal looks at the time of publishing and then removes; no publishing comes in between. */
  #lastChange: Promise<unknown> = Promise.resolve();

  private constructor(root: string, sharing: FolderSharing | null) {
    this.#root = root;
    this.#sharing = sharing;
    this.#incoming = join(root, 'incoming');
  }

  /** Whatever a former process left half-written is removed. Null: the folder has no other user. */
  static async open(
    root: string,
    sharing: FolderSharing | null = null,
  ): Promise<FolderArtifactStore> {
    const store = new FolderArtifactStore(root, sharing);
    await mkdir(store.#incoming, { recursive: true });
    for (const name of await readdir(store.#incoming)) {
      const file = join(store.#incoming, name);
      const modifiedAtMs = (await statOrNull(file))?.mtimeMs ?? 0;
      const isAlive = sharing !== null && modifiedAtMs > Date.now() - STAGED_STALE_MS;
      if (!isAlive) await rm(file, { force: true });
    }
    return store;
  }

  async stage(source: AsyncIterable<Uint8Array>, limitBytes: number): Promise<StagedArtifact> {
    const file = join(this.#incoming, randomUUID());
    try {
      return { file, ...(await writeDurably(file, source, limitBytes)) };
    } catch (error) {
      await rm(file, { force: true });
      throw error;
    }
  }

  /** Artifacts that arrive in pieces, on the same file system. */
  async partials(): Promise<FolderPartials> {
    return FolderPartials.open(join(this.#root, 'partial'), this.#incoming, {
      isShared: this.#sharing !== null,
    });
  }

  async publish(staged: StagedArtifact): Promise<void> {
    const target = this.#pathOf(staged.sha256);
    const folder = dirname(target);
    const created = await mkdir(folder, { recursive: true });
    await this.#change(async () => {
      // The bytes may have waited long; their age counts from here.
      const now = new Date();
      await utimes(staged.file, now, now);
      await rename(staged.file, target);
    });
    // A rename survives a power cut only once its folder is synced (fsync(2), NOTES).
    await syncFolder(folder);
    if (created !== undefined) {
      await syncFolder(dirname(folder));
      await syncFolder(this.#root);
    }
  }

  async discard(staged: StagedArtifact): Promise<void> {
    await rm(staged.file, { force: true });
  }

  async sizeBytes(sha256: string): Promise<number | null> {
    return (await statOrNull(this.#pathOf(sha256)))?.size ?? null;
  }

  open(sha256: string, first: number, last: number): Readable {
    return createReadStream(this.#pathOf(sha256), { start: first, end: last });
  }

  async localFile(sha256: string): Promise<string> {
    if ((await this.sizeBytes(sha256)) === null) throw new ArtifactMissingError(sha256);
    return this.#pathOf(sha256);
  }

  async *list(): AsyncGenerator<PublishedArtifact> {
    const root = join(this.#root, 'sha256');
    for (const prefix of await foldersIn(root)) {
      for (const sha256 of await readdir(join(root, prefix))) {
        const found = await statOrNull(this.#pathOf(sha256));
        if (found === null) continue;
        yield { sha256, sizeBytes: found.size, modifiedAtMs: found.mtimeMs };
      }
    }
  }

  async remove(sha256: string, unlessModifiedAfterMs: number): Promise<boolean> {
    return this.#change(async () => {
      const found = await statOrNull(this.#pathOf(sha256));
      if (found === null || found.mtimeMs > unlessModifiedAfterMs) return false;
      await rm(this.#pathOf(sha256), { force: true });
      return true;
    });
  }

  #change<T>(work: () => Promise<T>): Promise<T> {
    const change = this.#lastChange.then(() => this.#sharing?.exclusively(work) ?? work());
    this.#lastChange = change.catch(() => undefined);
    return change;
  }

  #pathOf(sha256: string): string {
    return join(this.#root, 'sha256', sha256.slice(0, 2), sha256);
  }
}

async function writeDurably(
  file: string,
  source: AsyncIterable<Uint8Array>,
  limitBytes: number,
): Promise<{ sha256: string; sizeBytes: number }> {
  const hash = createHash('sha256');
  let sizeBytes = 0;
  const handle = await open(file, 'wx');
  try {
    for await (const chunk of source) {
      sizeBytes += chunk.length;
      if (sizeBytes > limitBytes) throw new ArtifactTooLargeError(limitBytes);
      hash.update(chunk);
      await handle.writeFile(chunk);
    }
    await handle.sync();
  } finally {
    await handle.close();
  }
  return { sha256: hash.digest('hex'), sizeBytes };
}

async function statOrNull(path: string): Promise<Stats | null> {
  try {
    return await stat(path);
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}

/** None before the first artifact. */
async function foldersIn(path: string): Promise<string[]> {
  try {
    return await readdir(path);
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
