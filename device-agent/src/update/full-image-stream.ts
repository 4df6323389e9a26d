import { createHash, type Hash } from 'node:crypto';
import type { SlotName } from '../slots/domain/slot-state.ts';
import type { ArtifactWriter, SlotBackend } from '../slots/slot-backend.ts';
import { UpdateRefusal } from '../update-refusal.ts';
import type { ExpectedArtifact } from './artifact-source.ts';
import { decodeTransfer } from './decode-transfer.ts';
import type { TransferStream } from './transfer-stream.ts';
import type { WriteProgress } from './update-attempt.ts';

export interface FullImageOptions {
  readonly slots: SlotBackend;
  readonly slot: SlotName;
  readonly expected: ExpectedArtifact;
  readonly encoding: 'identity' | 'zstd';
  /** Of the transfer. */
  readonly transferBytes: number;
  /** Bytes of the artifact between two checkpoints. */
  readonly checkpointBytes: number;
  /** Durable when it resolves; called behind a checkpoint of the slot. */
  readonly saveProgress: (progress: WriteProgress) => Promise<void>;
}

export type OpenTransfer = (fromByte: number, etag: string | null) => Promise<TransferStream>;

const START: WriteProgress = { transferOffsetBytes: 0, targetOffsetBytes: 0, etag: null };

/**
 * A full image on its way from the network into a slot: decoded, hashed and written as it comes, with
 * no copy beside it. After a broken try the next one begins at the last place where the decoding can
 * begin, and drops what the slot has already.
 */
export class FullImageStream {
  readonly #options: FullImageOptions;
  readonly #writer: ArtifactWriter;
  readonly #hash: Hash;
  #writtenBytes: number;
  /** From where the next try decodes. */
  #boundary: WriteProgress;
  #checkpointedBytes: number;

  private constructor(
    options: FullImageOptions,
    writer: ArtifactWriter,
    hash: Hash,
    from: WriteProgress,
  ) {
    this.#options = options;
    this.#writer = writer;
    this.#hash = hash;
    this.#boundary = from;
    this.#writtenBytes = from.targetOffsetBytes;
    this.#checkpointedBytes = from.targetOffsetBytes;
  }

  /** `from` null begins anew. Of a prefix only what the disk holds counts: it is read and hashed. */
  static async open(
    options: FullImageOptions,
    from: WriteProgress | null,
  ): Promise<FullImageStream> {
    const { slots, slot } = options;
    const start = from ?? START;
    const hash = createHash('sha256');
    const writer = await slots.openForWriting(slot, start.targetOffsetBytes);
    try {
      if (start.targetOffsetBytes > 0) {
        const prefix = slots.readBack(slot, 0, start.targetOffsetBytes);
        for await (const chunk of prefix) hash.update(chunk);
      }
      return new FullImageStream(options, writer, hash, start);
    } catch (error) {
      await writer.abandon();
      throw error;
    }
  }

  get writtenBytes(): number {
    return this.#writtenBytes;
  }

  /** One try up to the end; throws DownloadError when it broke off, UpdateRefusal for wrong content. */
  async run(open: OpenTransfer): Promise<void> {
    const { transferBytes, encoding } = this.#options;
    const { transferOffsetBytes, targetOffsetBytes, etag } = this.#boundary;
    if (transferOffsetBytes >= transferBytes) return;
    const stream = await open(transferOffsetBytes, etag);
    const isWhole = stream.startsAtByte < transferOffsetBytes;
    let position = isWhole ? 0 : targetOffsetBytes;
    const parts = decodeTransfer(encoding, stream.chunks, stream.startsAtByte);
    for await (const part of parts) {
      if (part.kind === 'content') {
        const known = Math.max(0, this.#writtenBytes - position);
        position += part.bytes.length;
        await this.#write(part.bytes.subarray(known));
      } else if (position === this.#writtenBytes) {
        const { transferOffsetBytes: at } = part;
        this.#boundary = {
          transferOffsetBytes: at,
          targetOffsetBytes: position,
          etag: stream.etag,
        };
        await this.#checkpointWhenDue();
      }
    }
    if (position < this.#writtenBytes) throw wrongSize(String(position), this.#options.expected);
  }

  /** Everything durable, or UpdateRefusal when it is not the signed artifact. */
  async finish(): Promise<void> {
    const { expected } = this.#options;
    if (this.#writtenBytes !== expected.sizeBytes) {
      throw wrongSize(String(this.#writtenBytes), expected);
    }
    const sha256 = this.#hash.digest('hex');
    if (sha256 !== expected.sha256) {
      throw new UpdateRefusal(
        'artifact_checksum_mismatch',
        `the artifact has SHA-256 ${sha256}, the signed target says ${expected.sha256}`,
      );
    }
    await this.#writer.checkpoint();
    await this.#options.saveProgress(this.#boundary);
    await this.#writer.finish();
  }

  /** Safe after finish. */
  async close(): Promise<void> {
    await this.#writer.abandon();
  }

  async #write(bytes: Buffer): Promise<void> {
    if (bytes.length === 0) return;
    const { expected } = this.#options;
    // A few bytes of zstd can ask for gigabytes: nothing beyond the signed size is written.
    if (this.#writtenBytes + bytes.length > expected.sizeBytes) throw wrongSize('more', expected);
    this.#hash.update(bytes);
    await this.#writer.write(bytes);
    this.#writtenBytes += bytes.length;
  }

  async #checkpointWhenDue(): Promise<void> {
    const { checkpointBytes, saveProgress } = this.#options;
    if (this.#writtenBytes - this.#checkpointedBytes < checkpointBytes) return;
    await this.#writer.checkpoint();
    await saveProgress(this.#boundary);
    this.#checkpointedBytes = this.#writtenBytes;
  }
}

function wrongSize(actual: string, expected: ExpectedArtifact): UpdateRefusal {
  return new UpdateRefusal(
    'artifact_size_mismatch',
    `the artifact has ${actual} bytes, the signed target says ${expected.sizeBytes}`,
  );
}
