import { open, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { syncFolder } from '@flotilla/service';
import { isFileError } from '../disk/durable-file.ts';
import type { DurableStep } from '../disk/durable-step.ts';
import { SlotResumeError, type ArtifactWriter } from './slot-backend.ts';

/** A slot's artifact while it is written: chunk by chunk, durable up to each checkpoint. */
export class ArtifactFile implements ArtifactWriter {
  readonly #path: string;
  readonly #file: FileHandle;
  readonly #step: DurableStep;
  #position: number;
  #first = true;
  #closed = false;

  private constructor(path: string, file: FileHandle, position: number, step: DurableStep) {
    this.#path = path;
    this.#file = file;
    this.#position = position;
    this.#step = step;
  }

  static async create(path: string, step: DurableStep): Promise<ArtifactFile> {
    return new ArtifactFile(path, await open(path, 'w'), 0, step);
  }

  /** Drops what lies behind `resumeAtBytes`; throws SlotResumeError when the file is shorter. */
  static async resume(
    path: string,
    resumeAtBytes: number,
    step: DurableStep,
  ): Promise<ArtifactFile> {
    const file = await openExisting(path);
    try {
      const { size } = await file.stat();
      if (size < resumeAtBytes) {
        throw new SlotResumeError(`${path} holds ${size} bytes, fewer than ${resumeAtBytes}`);
      }
      await file.truncate(resumeAtBytes);
    } catch (error) {
      await file.close();
      throw error;
    }
    return new ArtifactFile(path, file, resumeAtBytes, step);
  }

  async write(chunk: Uint8Array): Promise<void> {
    if (!this.#first) return this.#append(chunk);
    this.#first = false;
    await this.#step('data:first', () => this.#append(chunk));
  }

  async checkpoint(): Promise<number> {
    await this.#step('data:checkpoint', () => this.#sync());
    return this.#position;
  }

  async finish(): Promise<void> {
    await this.#step('data:sync', () => this.#sync());
    await this.abandon();
  }

  async abandon(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#file.close();
  }

  async #append(chunk: Uint8Array): Promise<void> {
    let done = 0;
    while (done < chunk.length) {
      const { bytesWritten } = await this.#file.write(chunk, done, null, this.#position);
      done += bytesWritten;
      this.#position += bytesWritten;
    }
  }

  async #sync(): Promise<void> {
    await this.#file.sync();
    await syncFolder(dirname(this.#path));
  }
}

async function openExisting(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'r+');
  } catch (cause) {
    if (!isFileError(cause, 'ENOENT')) throw cause;
    throw new SlotResumeError(`${path} does not exist`, { cause });
  }
}
