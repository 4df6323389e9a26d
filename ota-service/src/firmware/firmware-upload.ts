import { manifestSchema, type FirmwareUploadQuery, type Manifest } from '@flotilla/contracts';
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

export interface TakenUpload {
  readonly row: FirmwareRow;
  /** False when the same upload had left this draft before. */
  readonly isNew: boolean;
}

/** Takes artifacts in: all of an upload becomes a draft firmware, or nothing of it stays. */
export class FirmwareUploads {
  readonly #deps: UploadDeps;
  /** Publishing and inserting happen one upload at a time, so of two equal ones the second is refused. */
  #lastCommit: Promise<unknown> = Promise.resolve();

  constructor(deps: UploadDeps) {
    this.#deps = deps;
  }

  /**
   * An upload that repeats a draft answers with that draft, so a publisher that broke off before it
   * signed can go on. Throws ProblemError: already_exists, body_too_large, digest_mismatch,
   * validation_failed.
   */
  async take(upload: UploadAnnouncement, body: AsyncIterable<Uint8Array>): Promise<TakenUpload> {
    const { maxArtifactBytes, store } = this.#deps;
    if ((upload.contentLengthBytes ?? 0) > maxArtifactBytes) throw tooLarge(maxArtifactBytes);
    const existing = await store.byVersion(upload.model, upload.version);
    // Known before the body: no bytes make a released version free again.
    if (existing?.state === 'released') throw taken(existing);
    try {
      return await this.#stageAndCommit(upload, body);
    } catch (error) {
      throw refusalOf(error);
    }
  }

  async #stageAndCommit(
    upload: UploadAnnouncement,
    body: AsyncIterable<Uint8Array>,
  ): Promise<TakenUpload> {
    const { artifacts, maxArtifactBytes } = this.#deps;
    const staged = await artifacts.stage(body, maxArtifactBytes);
    let compressed: StagedArtifact | null = null;
    try {
      await check(staged, upload);
      const draft = await this.#sameDraft(upload, staged);
      if (draft !== null) return { row: draft, isNew: false };
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
  ): Promise<TakenUpload> {
    const commit = this.#lastCommit.then(async () => {
      const draft = await this.#sameDraft(upload, staged);
      if (draft !== null) return { row: draft, isNew: false };
      const row = this.#draft(upload, staged, compressed);
      // Bytes first: a row must never name an artifact that is not there.
      await this.#deps.artifacts.publish(staged);
      if (compressed !== null) await this.#deps.artifacts.publish(compressed);
      await this.#deps.store.insert(row);
      return { row, isNew: true };
    });
    this.#lastCommit = commit.catch(() => undefined);
    return commit;
  }

  /** Null when the version is free; throws already_exists when something else has it. */
  async #sameDraft(
    upload: UploadAnnouncement,
    staged: StagedArtifact,
  ): Promise<FirmwareRow | null> {
    const existing = await this.#deps.store.byVersion(upload.model, upload.version);
    if (existing === undefined) return null;
    const { allowDowngrade } = manifestSchema.parse(JSON.parse(existing.manifest_json));
    const isSame =
      existing.state === 'draft' &&
      existing.sha256 === staged.sha256 &&
      allowDowngrade === (upload.allowDowngrade === 'true');
    if (!isSame) throw taken(existing);
    return existing;
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

function taken({ model, version, state, id, sha256 }: FirmwareRow): ProblemError {
  const detail =
    state === 'released'
      ? `${model} ${version} was released already as ${id}`
      : `${model} ${version} is the draft ${id} already, with SHA-256 ${sha256} and its own options`;
  return new ProblemError('already_exists', { detail });
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
