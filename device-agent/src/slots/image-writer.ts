import type { FileHandle } from 'node:fs/promises';
import { writeFileDurably } from '../disk/durable-file.ts';
import type { DurableStep } from '../disk/durable-step.ts';
import { UpdateRefusal } from '../update-refusal.ts';
import { writeAt } from '../disk/write-at.ts';
import type { ArtifactWriter } from './slot-backend.ts';

/**
 * The first bytes of an image are kept beside the slot until all of it was verified, so that a slot
 * that is being written can be neither mounted nor booted: file systems, partition tables and kernels
 * have what identifies them there.
 */
export const HEAD_BYTES = 64 * 1024;

export interface ImageWriterOptions {
  /** Open for reading and writing; the writer closes it. */
  readonly device: FileHandle;
  readonly capacityBytes: number;
  /** The file that keeps the head. */
  readonly headPath: string;
  readonly step: DurableStep;
}

/** Writes an image to a slot from a given byte on; at most the head is held in memory. */
export class ImageWriter implements ArtifactWriter {
  readonly #options: ImageWriterOptions;
  readonly #head = Buffer.alloc(HEAD_BYTES);
  #savedHeadBytes: number;
  #position: number;
  #first = true;
  #closed = false;

  /** `head` is what an earlier run left of the first bytes. */
  constructor(options: ImageWriterOptions, positionBytes = 0, head: Buffer = Buffer.alloc(0)) {
    this.#options = options;
    this.#position = positionBytes;
    head.copy(this.#head);
    this.#savedHeadBytes = Math.min(positionBytes, HEAD_BYTES);
  }

  async write(chunk: Uint8Array): Promise<void> {
    const { capacityBytes, step } = this.#options;
    if (this.#position + chunk.length > capacityBytes) {
      throw new UpdateRefusal(
        'no_space',
        `the image does not fit the slot's ${capacityBytes} bytes`,
      );
    }
    if (!this.#first) return this.#append(chunk);
    this.#first = false;
    await step('data:first', () => this.#append(chunk));
  }

  async checkpoint(): Promise<number> {
    await this.#options.step('data:checkpoint', () => this.#sync());
    return this.#position;
  }

  async finish(): Promise<void> {
    await this.#options.step('data:sync', () => this.#sync());
    await this.abandon();
  }

  async abandon(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#options.device.close();
  }

  async #append(chunk: Uint8Array): Promise<void> {
    const ofHead = Math.max(0, Math.min(chunk.length, HEAD_BYTES - this.#position));
    if (ofHead > 0) this.#head.set(chunk.subarray(0, ofHead), this.#position);
    const body = chunk.subarray(ofHead);
    await writeAt(this.#options.device, body, this.#position + ofHead);
    this.#position += chunk.length;
  }

  async #sync(): Promise<void> {
    const headBytes = Math.min(this.#position, HEAD_BYTES);
    if (headBytes > this.#savedHeadBytes) {
      await writeFileDurably(this.#options.headPath, this.#head.subarray(0, headBytes));
      this.#savedHeadBytes = headBytes;
    }
    await this.#options.device.datasync();
  }
}
