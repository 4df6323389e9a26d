import type { FirmwareUploadQuery, Manifest } from '@flotilla/contracts';
import { ProblemError } from '@flotilla/service';
import {
  ArtifactTooLargeError,
  type ArtifactStore,
  type StagedArtifact,
} from './artifact-store.ts';
import { checkBundle } from './check-bundle.ts';
import { stageCompressed } from './compress-artifact.ts';
import type { FirmwareRow, FirmwareStore } from './firmware-store.ts';

export interface UploadDeps {
  readonly store: FirmwareStore;
  readonly artifacts: ArtifactStore;
  readonly maxArtifactBytes: number;
  readonly clock: () => number;
  readonly newId: (prefix: string) => string;
}

/** What the request says beside the bytes. */
export interface UploadAnnouncement extends FirmwareUploadQuery {
  /** Of the Content-Length header; null when the client streams without one. */
  readonly contentLengthBytes: number | null;
}

/** Takes artifacts in: all of an upload becomes a draft firmware, or nothing of it stays. */
export class FirmwareUploads {
  readonly #deps: UploadDeps;
  /** Publishing and inserting happen one upload at a time, so of two equal ones the second is refused. */
  #lastCommit: Promise<unknown> = Promise.resolve();

  constructor(deps: UploadDeps) {
    this.#deps = deps;
  }

  /** Throws ProblemError: already_exists, body_too_large, digest_mismatch, validation_failed. */
  async take(upload: UploadAnnouncement, body: AsyncIterable<Uint8Array>): Promise<FirmwareRow> {
    const { maxArtifactBytes } = this.#deps;
    if ((upload.contentLengthBytes ?? 0) > maxArtifactBytes) throw tooLarge(maxArtifactBytes);
    await this.#refuseExisting(upload);
    try {
      return await this.#takeNew(upload, body);
    } catch (error) {
      throw refusalOf(error);
    }
  }

  async #takeNew(
    upload: UploadAnnouncement,
    body: AsyncIterable<Uint8Array>,
  ): Promise<FirmwareRow> {
    const { artifacts, maxArtifactBytes } = this.#deps;
    const staged = await artifacts.stage(body, maxArtifactBytes);
    let compressed: StagedArtifact | null = null;
    try {
      await check(staged, upload);
      compressed = await stageCompressed(artifacts, staged);
      return await this.#commit(upload, staged, compressed);
    } finally {
      await artifacts.discard(staged);
      if (compressed !== null) await artifacts.discard(compressed);
    }
  }

  async #commit(
    upload: UploadAnnouncement,
    staged: StagedArtifact,
    compressed: StagedArtifact | null,
  ): Promise<FirmwareRow> {
    const commit = this.#lastCommit.then(async () => {
      await this.#refuseExisting(upload);
      const row = this.#draft(upload, staged, compressed);
      // Bytes first: a row must never name an artifact that is not there.
      await this.#deps.artifacts.publish(staged);
      if (compressed !== null) await this.#deps.artifacts.publish(compressed);
      await this.#deps.store.insert(row);
      return row;
    });
    this.#lastCommit = commit.catch(() => undefined);
    return commit;
  }

  async #refuseExisting({ model, version }: UploadAnnouncement): Promise<void> {
    const existing = await this.#deps.store.byVersion(model, version);
    if (existing === undefined) return;
    throw new ProblemError('already_exists', {
      detail: `${model} ${version} was uploaded already as ${existing.id}`,
    });
  }

  #draft(
    upload: UploadAnnouncement,
    staged: StagedArtifact,
    compressed: StagedArtifact | null,
  ): FirmwareRow {
    const nowMs = this.#deps.clock();
    const manifest: Manifest = {
      schemaVersion: 1,
      model: upload.model,
      version: upload.version,
      artifact: { sha256: staged.sha256, sizeBytes: staged.sizeBytes, format: 'tar' },
      allowDowngrade: upload.allowDowngrade === 'true',
      createdAt: new Date(nowMs).toISOString(),
    };
    const full = compressed ?? staged;
    return {
      id: this.#deps.newId('fw'),
      model: upload.model,
      version: upload.version,
      state: 'draft',
      sha256: staged.sha256,
      size_bytes: staged.sizeBytes,
      full_sha256: full.sha256,
      full_size_bytes: full.sizeBytes,
      full_encoding: compressed === null ? 'identity' : 'zstd',
      manifest_json: JSON.stringify(manifest),
      envelope_json: null,
      created_at_ms: nowMs,
      released_at_ms: null,
    };
  }
}

async function check(staged: StagedArtifact, upload: UploadAnnouncement): Promise<void> {
  if (staged.sizeBytes === 0) {
    const errors = [{ pointer: '/body', detail: 'is empty' }];
    throw new ProblemError('validation_failed', { detail: 'the artifact is empty', errors });
  }
  if (upload.sha256 !== undefined && upload.sha256 !== staged.sha256) {
    throw new ProblemError('digest_mismatch', {
      detail: `the ${staged.sizeBytes} bytes received have SHA-256 ${staged.sha256}`,
      errors: [{ pointer: '/query/sha256', detail: `announced ${upload.sha256}` }],
    });
  }
  await checkBundle(staged, upload.version);
}

/** What is no fault of ours becomes a ProblemError; anything else stays what it is. */
function refusalOf(error: unknown): unknown {
  if (error instanceof ArtifactTooLargeError) return tooLarge(error.limitBytes, error);
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    const detail = 'there is no space left for this artifact';
    return new ProblemError('unavailable', { detail, cause: error });
  }
  // The client is gone and reads no answer, but the log need not call it our failure.
  if (code === 'ECONNRESET' || code === 'ERR_STREAM_PREMATURE_CLOSE') {
    return new ProblemError('malformed_body', { detail: 'the upload ended early', cause: error });
  }
  return error;
}

function tooLarge(limitBytes: number, cause?: unknown): ProblemError {
  return new ProblemError('body_too_large', {
    detail: `an artifact may have at most ${limitBytes} bytes`,
    cause,
  });
}
