import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Updater, type Fetcher } from 'tuf-js';
import { DownloadHTTPError, DownloadLengthMismatchError } from 'tuf-js/dist/error.js';
import { readMetadata, TRUST_ROLES, type MetadataOf, type TrustRole } from './metadata.ts';
import { signedAtMs } from './online.ts';
import { TrustError, type TrustFault } from './trust-error.ts';
import { requireFresh } from './verify-next.ts';

/** The texts that a device trusts: a root always, the others once they were had. */
export type MetadataSet = Readonly<Record<TrustRole, string | null>> & { readonly root: string };

/** Fetches one metadata file, at most `maxBytes` of it; throws NotFoundError, TooLargeError, or anything. */
export type FetchMetadata = (file: string, maxBytes: number) => Promise<Buffer>;

/** The repository says that it has no such file. */
export class NotFoundError extends DownloadHTTPError {
  override readonly name = 'NotFoundError';
  constructor(file: string) {
    super(`there is no ${file}`, 404);
  }
}

/** More bytes than such a file may have: an endless data attack (TUF 1.0.31, 1.5.2). */
export class TooLargeError extends DownloadLengthMismatchError {
  override readonly name = 'TooLargeError';
}

export interface RefreshOptions {
  readonly trusted: MetadataSet;
  /** Emptied and filled; nothing in it is needed afterwards. */
  readonly workFolder: string;
  readonly fetchMetadata: FetchMetadata;
  readonly nowMs: number;
}

export interface Refreshed {
  /** What to trust from now on: after a failure it holds what was verified before it (TUF 5.3.8, 5.4.5). */
  readonly trusted: MetadataSet;
  /** Null on success; then `targets` may be believed. */
  readonly failure: TrustError | null;
  readonly targets: MetadataOf['targets'] | null;
}

/** Generous for a fleet's releases, far below what would hurt a device. */
const LIMITS = {
  rootMaxLength: 64 * 1024,
  timestampMaxLength: 16 * 1024,
  snapshotMaxLength: 64 * 1024,
  targetsMaxLength: 1024 * 1024,
  maxRootRotations: 256,
  maxDelegations: 0,
};

/** Nothing is fetched from it; tuf-js wants a base to make its names absolute. */
const BASE_URL = 'http://repository.invalid/';

/**
 * The client workflow of TUF 1.0.31, 5.1 to 5.6, by tuf-js on a copy of the trusted set, since it
 * writes its files in place. What it cannot be told, the time, is checked once more at the end.
 * Throws only for faults of this machine's disk.
 */
export async function refreshMetadata(options: RefreshOptions): Promise<Refreshed> {
  const { trusted, workFolder, nowMs } = options;
  await layOut(trusted, workFolder);
  const fetcher = new RecordingFetcher(options.fetchMetadata);
  let failure: TrustError | null = null;
  try {
    const settings = {
      metadataDir: workFolder,
      metadataBaseUrl: BASE_URL,
      fetcher,
      config: LIMITS,
    };
    await new Updater(settings).refresh();
  } catch (error) {
    failure = trustErrorOf(error, fetcher.lastError);
  }
  const refreshed = await readBack(trusted, workFolder);
  failure ??= freshnessOf(refreshed, nowMs);
  const isGood = failure === null && refreshed.targets !== null;
  return {
    trusted: refreshed,
    failure,
    targets:
      isGood && refreshed.targets !== null ? readMetadata('targets', refreshed.targets) : null,
  };
}

async function layOut(trusted: MetadataSet, folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true, mode: 0o700 });
  for (const role of TRUST_ROLES) {
    const text = trusted[role];
    if (text !== null) await writeFile(join(folder, `${role}.json`), text);
  }
}

/** tuf-js writes a file only after it verified it; what it left alone is as it was. */
async function readBack(trusted: MetadataSet, folder: string): Promise<MetadataSet> {
  const set = { ...trusted };
  for (const role of TRUST_ROLES) {
    try {
      set[role] = await readFile(join(folder, `${role}.json`), 'utf8');
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
    }
  }
  return set;
}

/**
 * TUF 1.0.31, 5.3.10, 5.4.4, 5.5.6 and 5.6.5 at the time the device should have. A device without a
 * clock starts in the past: it then takes the time at which its newest timestamp was signed.
 */
function freshnessOf(set: MetadataSet, nowMs: number): TrustError | null {
  try {
    if (set.timestamp === null) return null;
    const timestamp = readMetadata('timestamp', set.timestamp);
    const atMs = Math.max(nowMs, signedAtMs(timestamp) ?? nowMs);
    for (const role of TRUST_ROLES) {
      const text = set[role];
      if (text !== null) requireFresh(readMetadata(role, text), atMs);
    }
    return null;
  } catch (error) {
    if (error instanceof TrustError) return error;
    throw error;
  }
}

/** Keeps what the network did: tuf-js puts some errors into the text of others. */
class RecordingFetcher implements Fetcher {
  readonly #fetch: FetchMetadata;
  lastError: unknown = null;

  constructor(fetchMetadata: FetchMetadata) {
    this.#fetch = fetchMetadata;
  }

  async downloadBytes(url: string, maxLength: number): Promise<Buffer> {
    this.lastError = null;
    const file = url.slice(BASE_URL.length);
    try {
      const bytes = await this.#fetch(file, maxLength);
      if (bytes.length > maxLength)
        throw new TooLargeError(`${file} is larger than ${maxLength} bytes`);
      return bytes;
    } catch (error) {
      this.lastError = error;
      throw error;
    }
  }

  downloadFile(): Promise<never> {
    return Promise.reject(new TypeError('targets are not downloaded here'));
  }
}

/** By the words of tuf-js 6.0.2, which wraps its own errors as text; a test holds each of them. */
const FAULTS: readonly (readonly [RegExp, TrustFault])[] = [
  [/is expired/, 'metadata_expired'],
  [/was signed by \d+\/\d+ keys/, 'metadata_signature_invalid'],
  [/^Failed to persist metadata|Error: Failed to persist metadata/, 'metadata_unavailable'],
  [/is less than current version|Expected version \d+, got/, 'metadata_rollback'],
];

function trustErrorOf(error: unknown, networkError: unknown): TrustError {
  if (networkError !== null) {
    const why = networkError instanceof Error ? networkError.message : 'the fetch failed';
    const isTooLarge = networkError instanceof TooLargeError;
    const fault = isTooLarge ? 'metadata_invalid' : 'metadata_unavailable';
    return new TrustError(fault, why, { cause: networkError });
  }
  const message = error instanceof Error ? error.message : String(error);
  const known = FAULTS.find(([words]) => words.test(message));
  return new TrustError(known?.[1] ?? 'metadata_invalid', message, { cause: error });
}
