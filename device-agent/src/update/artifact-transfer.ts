import { mkdir, readdir, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import type { UpdateReason } from '@flotilla/contracts';
import type { Logger } from '@flotilla/service';
import { abortableDelay } from '../abortable-delay.ts';
import type { OtaClient } from '../ota/ota-client.ts';
import { UpdateRefusal } from '../update-refusal.ts';
import type { ArtifactSource } from './artifact-source.ts';
import { retryDelayMs, type BackOff } from './domain/retry-delay.ts';
import { DownloadError } from './download-error.ts';
import { download, existingBytes } from './downloader.ts';

export interface TransferOptions {
  readonly deviceDir: string;
  readonly client: OtaClient;
  readonly backOff: BackOff;
  readonly stallTimeoutMs: number;
  /** Tries in a row that brought nothing new before the update is given up. */
  readonly maxFruitlessTries: number;
  readonly random: () => number;
  readonly now: () => number;
  readonly logger: Logger;
}

export type TransferResult =
  | { readonly kind: 'complete'; readonly path: string }
  | { readonly kind: 'withdrawn' }
  | { readonly kind: 'stopped' };

/** Brings a deployment's bytes onto the disk, through broken connections and restarts. */
export class ArtifactTransfer {
  readonly #options: TransferOptions;
  readonly #folder: string;

  constructor(options: TransferOptions) {
    this.#options = options;
    this.#folder = join(options.deviceDir, 'downloads');
  }

  pathOf(source: ArtifactSource): string {
    return join(this.#folder, `${source.transfer.sha256}.part`);
  }

  /** What earlier tries left of it. */
  async presentBytes(source: ArtifactSource): Promise<number> {
    return existingBytes(this.pathOf(source));
  }

  /**
   * `stillOffered` is asked after every broken try, so that a device does not fight for an update that
   * was taken back. Throws UpdateRefusal.
   */
  async fetch(
    source: ArtifactSource,
    signal: AbortSignal,
    stillOffered: () => Promise<boolean>,
    onBytes: (count: number) => void,
  ): Promise<TransferResult> {
    const path = this.pathOf(source);
    let fruitless = 0;
    let startedFrom = await existingBytes(path);
    while (!signal.aborted) {
      try {
        await this.#try(source, path, signal, onBytes);
        return { kind: 'complete', path };
      } catch (error) {
        if (signal.aborted) break;
        if (!(error instanceof DownloadError)) throw error;
        // Remains of another run may be damaged: they get one clean try before the server is blamed.
        const resumed = error.kind === 'digest' && startedFrom > 0;
        if (error.kind !== 'transient' && !resumed) throw refusalOf(error, source);
        const have = await existingBytes(path);
        fruitless = have > startedFrom || resumed ? 1 : fruitless + 1;
        startedFrom = have;
        if (fruitless > this.#options.maxFruitlessTries) throw refusalOf(error, source);
        if (!(await this.#pause(error, fruitless, signal, stillOffered))) {
          return { kind: signal.aborted ? 'stopped' : 'withdrawn' };
        }
      }
    }
    return { kind: 'stopped' };
  }

  /** Makes room: everything but this source's file goes; null for all. */
  async discardOthers(source: ArtifactSource | null): Promise<void> {
    await mkdir(this.#folder, { recursive: true });
    const keep = source === null ? null : this.pathOf(source);
    for (const name of await readdir(this.#folder)) {
      const path = join(this.#folder, name);
      if (path !== keep) await rm(path, { force: true });
    }
  }

  /** Throws `no_space` before the first byte rather than after the last that fits. */
  async checkSpace(source: ArtifactSource, artifactBytes: number): Promise<void> {
    const { bavail, bsize } = await statfs(this.#folder);
    const rest = source.transfer.sizeBytes - (await existingBytes(this.pathOf(source)));
    // The slot holds the artifact twice: as delivered and unpacked.
    const needed = Math.max(0, rest) + 2 * artifactBytes;
    if (bavail * bsize >= needed) return;
    throw new UpdateRefusal(
      'no_space',
      `the update needs ${needed} bytes, the disk has ${bavail * bsize} left`,
    );
  }

  async #try(
    source: ArtifactSource,
    path: string,
    signal: AbortSignal,
    onBytes: (count: number) => void,
  ): Promise<void> {
    const { client, stallTimeoutMs, now } = this.#options;
    const { transfer } = source;
    await download({
      url: client.resolve(transfer.path),
      headers: client.authorization(),
      destination: path,
      sha256: transfer.sha256,
      sizeBytes: transfer.sizeBytes,
      stallTimeoutMs,
      signal,
      now,
      onBytes,
    });
  }

  /** False when the offer is gone or the agent stops. */
  async #pause(
    error: DownloadError,
    fruitless: number,
    signal: AbortSignal,
    stillOffered: () => Promise<boolean>,
  ): Promise<boolean> {
    const { backOff, random, logger } = this.#options;
    const own = retryDelayMs(fruitless, backOff, random());
    const waitMs = Math.max(own, error.retryAfterMs ?? 0);
    logger.warn({ why: error.message, retryInMs: waitMs }, 'download interrupted');
    await abortableDelay(waitMs, signal);
    return !signal.aborted && (await stillOffered());
  }
}

/** A delta with any fault is `delta_invalid`; the detail tells which. */
function refusalOf(error: DownloadError, source: ArtifactSource): UpdateRefusal {
  const reasons: Readonly<Record<DownloadError['kind'], UpdateReason>> = {
    transient: 'download_failed',
    unavailable: 'download_failed',
    size: source.kind === 'delta' ? 'delta_invalid' : 'artifact_size_mismatch',
    digest: source.kind === 'delta' ? 'delta_invalid' : 'artifact_checksum_mismatch',
  };
  const what = source.kind === 'delta' ? 'delta' : 'artifact';
  return new UpdateRefusal(reasons[error.kind], `${what}: ${error.message}`, { cause: error });
}
