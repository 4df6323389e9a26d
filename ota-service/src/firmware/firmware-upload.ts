import { isDeepStrictEqual } from 'node:util';
import type { FieldError, FirmwareUploadQuery } from '@flotilla/contracts';
import { ProblemError } from '@flotilla/service';
import type { ArtifactStore, StagedArtifact } from './artifact-store.ts';
import { checkBundle } from './check-bundle.ts';
import { stageCompressed } from './compress-artifact.ts';
import { brokenRules } from './domain/model-rules.ts';
import type { FirmwareRow, FirmwareStore } from './firmware-store.ts';
import { rulesOf, type ModelStore } from './model-store.ts';
import { stringList } from './string-list.ts';
import { refusalOf, tooLarge } from './upload-refusal.ts';

export interface UploadDeps {
  readonly store: FirmwareStore;
  readonly models: Pick<ModelStore, 'byName'>;
  readonly artifacts: ArtifactStore;
  readonly maxArtifactBytes: number;
  readonly clock: () => number;
  readonly newId: (prefix: string) => string;
}

export interface TakenUpload {
  readonly row: FirmwareRow;
  /** False when the same upload had left this draft before. */
  readonly isNew: boolean;
}

/** Takes artifacts in: all of an upload becomes a draft firmware, or nothing of it stays. */
export class FirmwareUploads {
  readonly #deps: UploadDeps;
  /** Publishing and inserting happen one upload at a time; the table guards them between replicas. */
  #lastCommit: Promise<unknown> = Promise.resolve();

  constructor(deps: UploadDeps) {
    this.#deps = deps;
  }

  /**
   * What is known before the body: no bytes make a released version free again. `sizeBytes` as
   * announced, null when it was not. Throws ProblemError: already_exists, body_too_large,
   * validation_failed.
   */
  async refuseEarly(upload: FirmwareUploadQuery, sizeBytes: number | null): Promise<void> {
    const { maxArtifactBytes, models, store } = this.#deps;
    if ((sizeBytes ?? 0) > maxArtifactBytes) throw tooLarge(maxArtifactBytes);
    const existing = await store.byVersion(upload.model, upload.version);
    if (existing !== undefined && existing.state !== 'draft') throw taken(existing);
    const model = await models.byName(upload.model);
    const proposed = { ...upload, minimumVersion: upload.minimumVersion ?? null };
    refuseBroken(brokenRules(model === undefined ? null : rulesOf(model), proposed));
  }

  /**
   * An upload that repeats a draft answers with that draft, so a publisher that broke off before it
   * signed can go on. Throws ProblemError: those of `refuseEarly`, digest_mismatch.
   */
  async take(
    upload: FirmwareUploadQuery,
    contentLengthBytes: number | null,
    body: AsyncIterable<Uint8Array>,
  ): Promise<TakenUpload> {
    const { artifacts, maxArtifactBytes } = this.#deps;
    await this.refuseEarly(upload, contentLengthBytes);
    try {
      const staged = await artifacts.stage(body, maxArtifactBytes);
      try {
        return await this.takeStaged(upload, staged);
      } finally {
        await artifacts.discard(staged);
      }
    } catch (error) {
      throw refusalOf(error);
    }
  }

  /** The same for bytes that are all here; discarding them stays with the caller. */
  async takeStaged(upload: FirmwareUploadQuery, staged: StagedArtifact): Promise<TakenUpload> {
    const { artifacts } = this.#deps;
    await check(staged, upload);
    const draft = await this.#sameDraft(upload, staged);
    if (draft !== null) return { row: draft, isNew: false };
    const compressed = await stageCompressed(artifacts, staged);
    try {
      return await this.#commit(upload, staged, compressed);
    } finally {
      if (compressed !== null) await artifacts.discard(compressed);
    }
  }

  async #commit(
    upload: FirmwareUploadQuery,
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
      const broken = await this.#deps.store.insertDraft(row);
      if (broken === 'taken') return this.#otherDraft(upload, staged);
      refuseBroken(broken);
      return { row, isNew: true };
    });
    this.#lastCommit = commit.catch(() => undefined);
    return commit;
  }

  /** Another replica took the version since it was looked at. */
  async #otherDraft(upload: FirmwareUploadQuery, staged: StagedArtifact): Promise<TakenUpload> {
    const row = await this.#sameDraft(upload, staged);
    if (row !== null) return { row, isNew: false };
    const detail = `another draft of ${upload.model} ${upload.version} came and went; try again`;
    throw new ProblemError('conflict', { detail });
  }

  /** Null when the version is free; throws already_exists when something else has it. */
  async #sameDraft(
    upload: FirmwareUploadQuery,
    staged: StagedArtifact,
  ): Promise<FirmwareRow | null> {
    const existing = await this.#deps.store.byVersion(upload.model, upload.version);
    if (existing === undefined) return null;
    const isSame =
      existing.state === 'draft' &&
      existing.sha256 === staged.sha256 &&
      existing.allow_downgrade === (upload.allowDowngrade === 'true' ? 1 : 0) &&
      existing.format === upload.format &&
      existing.minimum_version === (upload.minimumVersion ?? null) &&
      isDeepStrictEqual(stringList(existing.hardware_revisions_json), upload.hardwareRevisions);
    if (!isSame) throw taken(existing);
    return existing;
  }

  #draft(
    upload: FirmwareUploadQuery,
    staged: StagedArtifact,
    compressed: StagedArtifact | null,
  ): FirmwareRow {
    const nowMs = this.#deps.clock();
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
      format: upload.format,
      allow_downgrade: upload.allowDowngrade === 'true' ? 1 : 0,
      minimum_version: upload.minimumVersion ?? null,
      hardware_revisions_json: JSON.stringify(upload.hardwareRevisions),
      release_notes: '',
      created_at_ms: nowMs,
      released_at_ms: null,
      withdrawn_at_ms: null,
      withdrawal_reason: null,
      bytes_removed_at_ms: null,
    };
  }
}

async function check(staged: StagedArtifact, upload: FirmwareUploadQuery): Promise<void> {
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
  // An image is opaque: what it holds shows when a device boots it on trial.
  if (upload.format === 'tar') await checkBundle(staged, upload.version);
}

function refuseBroken(broken: readonly FieldError[]): void {
  const errors = broken.map(({ pointer, detail }) => ({ pointer: `/query${pointer}`, detail }));
  if (errors.length === 0) return;
  const detail = errors.map((error) => `${error.pointer}: ${error.detail}`).join('; ');
  throw new ProblemError('validation_failed', { detail, errors });
}

function taken({ model, version, state, id, sha256 }: FirmwareRow): ProblemError {
  const detail =
    state !== 'draft'
      ? `${model} ${version} was ${state} already as ${id}`
      : `${model} ${version} is the draft ${id} already, with SHA-256 ${sha256} and its own options`;
  return new ProblemError('already_exists', { detail });
}
