import { createHash, randomUUID, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { link, mkdir, open, readdir, rm, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { syncFolder } from '@flotilla/service';
import type { StagedArtifact } from './artifact-store.ts';
import type { PartialArtifactStore, PartialWriter } from './partial-artifact-store.ts';

/** How far a partial's digest has come; kept in memory, because a Hash cannot be stored. */
interface RunningHash {
  readonly hash: Hash;
  readonly sizeBytes: number;
}

/**
 * One file per partial in `folder`. The digest is computed while the bytes arrive; only a partial that
 * went through a restart, or may have been written by several processes, is read once more when it is
 * staged, in constant memory.
 */
export class FolderPartials implements PartialArtifactStore {
  readonly #folder: string;
  readonly #stagingFolder: string;
  readonly #isShared: boolean;
  readonly #hashes = new Map<string, RunningHash>();

  private constructor(folder: string, stagingFolder: string, isShared: boolean) {
    this.#folder = folder;
    this.#stagingFolder = stagingFolder;
    this.#isShared = isShared;
  }

  /** Both on one file system. `isShared`: other processes may have written parts of a partial. */
  static async open(
    folder: string,
    stagingFolder: string,
    { isShared = false }: { readonly isShared?: boolean } = {},
  ): Promise<FolderPartials> {
    await mkdir(folder, { recursive: true });
    return new FolderPartials(folder, stagingFolder, isShared);
  }

  async openPartial(id: string, offsetBytes: number): Promise<PartialWriter> {
    const file = await open(this.#pathOf(id), offsetBytes === 0 ? 'w' : 'r+');
    try {
      const { size } = await file.stat();
      if (size < offsetBytes) {
        throw new Error(`the partial ${id} has ${size} of ${offsetBytes} promised bytes`);
      }
      await file.truncate(offsetBytes);
      // A file's name is durable only once its folder is.
      if (offsetBytes === 0) await syncFolder(this.#folder);
    } catch (error) {
      await file.close();
      throw error;
    }
    const known = this.#hashes.get(id);
    const begun = { hash: createHash('sha256'), sizeBytes: 0 };
    const running = known?.sizeBytes === offsetBytes ? known : offsetBytes === 0 ? begun : null;
    return new FilePartialWriter(file, offsetBytes, running, (reached) => {
      if (reached === null) this.#hashes.delete(id);
      else this.#hashes.set(id, reached);
    });
  }

  async stagePartial(id: string): Promise<StagedArtifact> {
    const file = join(this.#stagingFolder, randomUUID());
    await link(this.#pathOf(id), file);
    try {
      const { size } = await statOf(file);
      const known = this.#isShared ? undefined : this.#hashes.get(id);
      const hash = known?.sizeBytes === size ? known.hash.copy() : await readBack(file);
      return { file, sha256: hash.digest('hex'), sizeBytes: size };
    } catch (error) {
      await rm(file, { force: true });
      throw error;
    }
  }

  async discardPartial(id: string): Promise<void> {
    this.#hashes.delete(id);
    await rm(this.#pathOf(id), { force: true });
  }

  async partialIds(): Promise<string[]> {
    return readdir(this.#folder);
  }

  #pathOf(id: string): string {
    return join(this.#folder, id);
  }
}

class FilePartialWriter implements PartialWriter {
  readonly #file: FileHandle;
  readonly #startBytes: number;
  readonly #startHash: Hash | null;
  readonly #keep: (reached: RunningHash | null) => void;
  #hash: Hash | null;
  #sizeBytes: number;

  constructor(
    file: FileHandle,
    startBytes: number,
    running: RunningHash | null,
    keep: (reached: RunningHash | null) => void,
  ) {
    this.#file = file;
    this.#startBytes = startBytes;
    this.#startHash = running?.hash.copy() ?? null;
    this.#hash = running?.hash ?? null;
    this.#sizeBytes = startBytes;
    this.#keep = keep;
  }

  async write(chunk: Uint8Array): Promise<void> {
    let done = 0;
    while (done < chunk.length) {
      const left = chunk.length - done;
      const { bytesWritten } = await this.#file.write(chunk, done, left, this.#sizeBytes + done);
      done += bytesWritten;
    }
    this.#hash?.update(chunk);
    this.#sizeBytes += chunk.length;
  }

  async checkpoint(): Promise<number> {
    await this.#file.sync();
    return this.#sizeBytes;
  }

  async rollback(): Promise<void> {
    await this.#file.truncate(this.#startBytes);
    this.#hash = this.#startHash;
    this.#sizeBytes = this.#startBytes;
  }

  async close(): Promise<void> {
    this.#keep(this.#hash === null ? null : { hash: this.#hash, sizeBytes: this.#sizeBytes });
    await this.#file.close();
  }
}

async function statOf(path: string): Promise<{ size: number }> {
  const file = await open(path, 'r');
  try {
    return await file.stat();
  } finally {
    await file.close();
  }
}

async function readBack(path: string): Promise<Hash> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: 1024 * 1024 })) {
    hash.update(chunk as Uint8Array);
  }
  return hash;
}
