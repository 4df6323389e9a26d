import { open, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { syncFolder } from '@flotilla/service';
import type { DurableStep } from '../disk/durable-step.ts';
import type { ArtifactWriter } from './slot-backend.ts';

/** A slot's artifact while it is written: chunk by chunk, durable only once finished. */
export class ArtifactFile implements ArtifactWriter {
  readonly #path: string;
  readonly #file: FileHandle;
  readonly #step: DurableStep;
  #first = true;
  #closed = false;

  private constructor(path: string, file: FileHandle, step: DurableStep) {
    this.#path = path;
    this.#file = file;
    this.#step = step;
  }

  static async create(path: string, step: DurableStep): Promise<ArtifactFile> {
    return new ArtifactFile(path, await open(path, 'w'), step);
  }

  async write(chunk: Uint8Array): Promise<void> {
    if (!this.#first) return this.#file.writeFile(chunk);
    this.#first = false;
    await this.#step('data:first', () => this.#file.writeFile(chunk));
  }

  async finish(): Promise<void> {
    await this.#step('data:sync', () => this.#file.sync());
    await this.abandon();
    await syncFolder(dirname(this.#path));
  }

  async abandon(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#file.close();
  }
}
