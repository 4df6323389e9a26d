import { mkdir, readdir, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import type { UpdateReason } from '@flotilla/contracts';
import type { Logger } from '@flotilla/service';
import type { OtaClient } from '../ota/ota-client.ts';
import { UpdateRefusal } from '../update-refusal.ts';
import type { ArtifactSource } from './artifact-source.ts';
import type { BackOff } from './domain/retry-delay.ts';
import type { TransferPace } from './domain/transfer-pace.ts';
import { DownloadError } from './download-error.ts';
import { download, existingBytes } from './downloader.ts';
import type { FullImageStream } from './full-image-stream.ts';
import { retryTransfer, type RetriedTransfer } from './transfer-retries.ts';
import { openTransfer, type TransferRequest } from './transfer-stream.ts';

export interface TransferOptions {
  readonly deviceDir: string;
  readonly client: OtaClient;
  readonly backOff: BackOff;
  readonly stallTimeoutMs: number;
  readonly pace: TransferPace;
  /** Tries in a row that brought nothing new before the update is given up. */
  readonly maxFruitlessTries: number;
  readonly random: () => number;
  readonly now: () => number;
  readonly monotonicNow: () => number;
  /** See `RetryRules`. */
  readonly onPause: (isPausing: boolean) => void;
  readonly logger: Logger;
}

/** One transfer may cost so many times its size, and a little for small ones. */
const MAX_COST_FACTOR = 3;
const FREE_COST_BYTES = 16 * 1024 * 1024;

/** Brings a deployment's bytes onto the device, through broken connections and restarts. */
export class ArtifactTransfer {
  readonly #options: TransferOptions;
  readonly #folder: string;

  constructor(options: TransferOptions) {
    this.#options = options;
    this.#folder = join(options.deviceDir, 'downloads');
  }

  /** Where a patch lies; a full image goes straight into its slot. */
  patchPath(source: ArtifactSource): string {
    return join(this.#folder, `${source.transfer.sha256}.part`);
  }

  /** What earlier tries left of a patch. */
  async presentBytes(source: ArtifactSource): Promise<number> {
    return source.kind === 'delta' ? existingBytes(this.patchPath(source)) : 0;
  }

  /** The patch, complete and verified on the disk. Throws UpdateRefusal. */
  async fetchPatch(
    source: ArtifactSource,
    signal: AbortSignal,
    onBytes: (count: number) => void,
  ): Promise<'complete' | 'stopped'> {
    const destination = this.patchPath(source);
    let remains = await existingBytes(destination);
    const { sha256 } = source.transfer;
    return this.#retry(source, signal, onBytes, (request) => ({
      run: () => download({ ...request, destination, sha256 }),
      progressBytes: () => existingBytes(destination),
      // Remains of another run may be damaged: they get one clean try before the server is blamed.
      deservesCleanTry: (error) => {
        const isWorth = error.kind === 'digest' && remains > 0;
        remains = 0;
        return isWorth;
      },
    }));
  }

  /** A full image into its slot, up to its last byte. Throws UpdateRefusal. */
  async fetchImage(
    source: ArtifactSource,
    image: FullImageStream,
    signal: AbortSignal,
    onBytes: (count: number) => void,
  ): Promise<'complete' | 'stopped'> {
    return this.#retry(source, signal, onBytes, (request) => ({
      run: () => image.run((fromByte, etag) => openTransfer(request, fromByte, etag)),
      progressBytes: () => Promise.resolve(image.writtenBytes),
      deservesCleanTry: () => false,
    }));
  }

  /** Makes room: everything but this source's patch goes; null for all. */
  async discardOthers(source: ArtifactSource | null): Promise<void> {
    await mkdir(this.#folder, { recursive: true });
    const keep = source?.kind === 'delta' ? this.patchPath(source) : null;
    for (const name of await readdir(this.#folder)) {
      const path = join(this.#folder, name);
      if (path !== keep) await rm(path, { force: true });
    }
  }

  /**
   * `slotBytes` is what the slot will still take from the disk. Throws `no_space` before the first
   * byte rather than after the last that fits.
   */
  async checkSpace(source: ArtifactSource, slotBytes: number): Promise<void> {
    const { bavail, bsize } = await statfs(this.#folder);
    const patch =
      source.kind === 'delta' ? source.transfer.sizeBytes - (await this.presentBytes(source)) : 0;
    const needed = Math.max(0, patch) + Math.max(0, slotBytes);
    if (bavail * bsize >= needed) return;
    throw new UpdateRefusal(
      'no_space',
      `the update needs ${needed} bytes, the disk has ${bavail * bsize} left`,
    );
  }

  async #retry(
    source: ArtifactSource,
    signal: AbortSignal,
    onBytes: (count: number) => void,
    prepare: (request: TransferRequest) => Omit<RetriedTransfer, 'receivedBytes'>,
  ): Promise<'complete' | 'stopped'> {
    const { client, stallTimeoutMs, pace, now, monotonicNow } = this.#options;
    const { transfer } = source;
    let received = 0;
    const request: TransferRequest = {
      url: client.resolve(transfer.path),
      headers: client.authorization(),
      fetch: client.fetch,
      sizeBytes: transfer.sizeBytes,
      stallTimeoutMs,
      pace,
      signal,
      now,
      monotonicNow,
      onBytes: (count) => {
        received += count;
        onBytes(count);
      },
    };
    const maxReceivedBytes = MAX_COST_FACTOR * transfer.sizeBytes + FREE_COST_BYTES;
    const retried = { ...prepare(request), receivedBytes: () => received };
    try {
      return await retryTransfer(retried, { ...this.#options, maxReceivedBytes }, signal);
    } catch (error) {
      throw error instanceof DownloadError ? refusalOf(error, source) : error;
    }
  }
}

/** A delta with any fault is `delta_invalid`; the detail tells which. */
function refusalOf(error: DownloadError, source: ArtifactSource): UpdateRefusal {
  const reasons: Readonly<Record<DownloadError['kind'], UpdateReason>> = {
    transient: 'download_failed',
    slow: 'download_failed',
    unavailable: 'download_failed',
    size: source.kind === 'delta' ? 'delta_invalid' : 'artifact_size_mismatch',
    digest: source.kind === 'delta' ? 'delta_invalid' : 'artifact_checksum_mismatch',
  };
  const what = source.kind === 'delta' ? 'delta' : 'artifact';
  return new UpdateRefusal(reasons[error.kind], `${what}: ${error.message}`, { cause: error });
}
