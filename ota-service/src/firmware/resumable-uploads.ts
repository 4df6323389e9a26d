import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import type { FirmwareUploadQuery } from '@flotilla/contracts';
import { ProblemError, type Logger } from '@flotilla/service';
import type { Leases } from '../db/leases.ts';
import type { ArtifactStore } from './artifact-store.ts';
import type { FirmwareStore } from './firmware-store.ts';
import type { FirmwareUploads, TakenUpload } from './firmware-upload.ts';
import type { PartialArtifactStore, PartialWriter } from './partial-artifact-store.ts';
import { parseUploadMetadata } from './upload-metadata.ts';
import { refusalOf } from './upload-refusal.ts';
import type { UploadRow, UploadStore } from './upload-store.ts';

/** An upload that nothing was added to for so long is removed. */
const LEASE_MS = 24 * 3_600_000;
/** Bytes between two promises inside one request; so much is sent again after a kill. */
const CHECKPOINT_BYTES = 16 * 1024 * 1024;
const SWEEP_MS = 10 * 60_000;

export interface ResumableUploadDeps {
  readonly store: UploadStore;
  readonly partials: PartialArtifactStore;
  readonly artifacts: Pick<ArtifactStore, 'discard'>;
  readonly firmware: FirmwareStore;
  readonly uploads: FirmwareUploads;
  readonly leases: Pick<Leases, 'during'>;
  readonly clock: () => number;
  readonly newId: (prefix: string) => string;
  readonly logger: Logger;
}

/** A digest that the bytes of one request must have. */
export interface PieceChecksum {
  readonly algorithm: string;
  readonly digest: Buffer;
}

export interface Piece {
  readonly offsetBytes: number;
  /** Null when the client streams without saying. */
  readonly contentLengthBytes: number | null;
  readonly checksum: PieceChecksum | null;
  readonly body: Readable;
}

/**
 * Uploads of any size, in as many requests as the network needs. An offset is promised once its bytes
 * are on disk and its row says so; a kill loses what came after the last promise, and nothing else.
 */
export class ResumableUploads {
  readonly #deps: ResumableUploadDeps;
  readonly #writing = new Map<
    string,
    { readonly body: Readable; readonly done: Promise<unknown> }
  >();
  readonly #finishing = new Map<string, Promise<TakenUpload>>();
  #sweeper: NodeJS.Timeout | undefined;
  #sweeping: Promise<void> = Promise.resolve();

  constructor(deps: ResumableUploadDeps) {
    this.#deps = deps;
  }

  /** Removes what nobody can go on with, now and then again. */
  start(): void {
    const sweep = (): void => {
      this.#sweeping = this.sweep().catch((err: unknown) =>
        this.#deps.logger.error({ err }, 'uploads could not be swept'),
      );
    };
    sweep();
    this.#sweeper = setInterval(sweep, SWEEP_MS);
  }

  async stop(): Promise<void> {
    clearInterval(this.#sweeper);
    for (const { body } of this.#writing.values()) body.destroy();
    await Promise.allSettled([
      this.#sweeping,
      ...[...this.#writing.values()].map(({ done }) => done),
      ...this.#finishing.values(),
    ]);
  }

  /** Throws ProblemError: those of `FirmwareUploads.refuseEarly`. */
  async create(lengthBytes: number, metadata: string): Promise<UploadRow> {
    const { clock, newId, store, uploads } = this.#deps;
    await uploads.refuseEarly(parseUploadMetadata(metadata), lengthBytes);
    const nowMs = clock();
    const row: UploadRow = {
      id: newId('upl'),
      length_bytes: lengthBytes,
      offset_bytes: 0,
      metadata,
      firmware_id: null,
      created_at_ms: nowMs,
      expires_at_ms: nowMs + LEASE_MS,
    };
    await store.insert(row);
    return row;
  }

  /**
   * Where to go on. A client that asks believes its last request to be dead, so one that still hangs
   * is ended first and what it brought counts.
   */
  async status(id: string): Promise<UploadRow> {
    const writing = this.#writing.get(id);
    if (writing !== undefined) {
      writing.body.destroy();
      await writing.done;
    }
    return this.#find(id);
  }

  /** Throws ProblemError: not_found, gone, locked, conflict, body_too_large, checksum_mismatch. */
  async append(id: string, piece: Piece): Promise<UploadRow> {
    this.#refuseBusy(id);
    // The id is taken before its row is read: an offset read earlier may be another request's past.
    const work = this.#alone(id, (lost) => {
      // Whoever took the upload over goes on from the last promise.
      lost.addEventListener('abort', () => piece.body.destroy(), { once: true });
      return this.#append(id, piece);
    });
    this.#writing.set(id, { body: piece.body, done: work.catch(() => undefined) });
    try {
      return await work;
    } catch (error) {
      throw refusalOf(error);
    } finally {
      this.#writing.delete(id);
    }
  }

  async terminate(id: string): Promise<void> {
    if (this.#finishing.has(id)) this.#refuseBusy(id);
    await this.status(id);
    await this.#alone(id, () => this.#remove(id));
  }

  /**
   * Makes the complete upload a draft, with the checks of any upload. A repeat answers the same, also
   * after a kill. Throws ProblemError: not_found, gone, locked, conflict while bytes are missing, and
   * those of `FirmwareUploads.take`.
   */
  async finish(id: string): Promise<TakenUpload> {
    const running = this.#finishing.get(id);
    if (running !== undefined) return running;
    this.#refuseBusy(id);
    const work = this.#alone(id, () => this.#finish(id));
    this.#finishing.set(id, work);
    try {
      return await work;
    } catch (error) {
      throw refusalOf(error);
    } finally {
      this.#finishing.delete(id);
    }
  }

  /** Expired uploads, and bytes that no row knows. */
  async sweep(): Promise<void> {
    const { clock, leases, partials, store } = this.#deps;
    for (const id of await store.expired(clock())) {
      if (this.#writing.has(id) || this.#finishing.has(id)) continue;
      await leases.during(leaseOf(id), () => this.#remove(id));
    }
    const found = await partials.partialIds();
    // Read after the files, so that an upload created meanwhile is known.
    const known = new Set(await store.ids());
    for (const id of found) if (!known.has(id)) await partials.discardPartial(id);
  }

  async #append(id: string, piece: Piece): Promise<UploadRow> {
    const row = await this.#find(id);
    if (row.firmware_id !== null) throw gone(`the upload ${id} became ${row.firmware_id}`);
    if (row.offset_bytes !== piece.offsetBytes) {
      const detail = `the upload has ${row.offset_bytes} bytes, not ${piece.offsetBytes}`;
      throw new ProblemError('conflict', { detail });
    }
    if (piece.offsetBytes + (piece.contentLengthBytes ?? 0) > row.length_bytes) throw tooLong(row);
    await this.#write(row, piece);
    return this.#find(id);
  }

  async #write(row: UploadRow, piece: Piece): Promise<void> {
    const writer = await this.#deps.partials.openPartial(row.id, row.offset_bytes);
    try {
      await (piece.checksum === null
        ? this.#writeFreely(row, piece, writer)
        : this.#writeChecked(row, piece, piece.checksum, writer));
    } finally {
      await writer.close();
    }
  }

  /** Whatever arrives counts, also when the connection breaks. */
  async #writeFreely(row: UploadRow, piece: Piece, writer: PartialWriter): Promise<void> {
    let promisedBytes = row.offset_bytes;
    try {
      for await (const { chunk, sizeBytes } of bounded(row, piece)) {
        await writer.write(chunk);
        if (sizeBytes - promisedBytes < CHECKPOINT_BYTES) continue;
        promisedBytes = await this.#promise(row.id, writer);
      }
    } finally {
      await this.#promise(row.id, writer);
    }
  }

  /** Nothing counts before all of it has the digest (tus 1.0.0, Checksum). */
  async #writeChecked(
    row: UploadRow,
    piece: Piece,
    checksum: PieceChecksum,
    writer: PartialWriter,
  ): Promise<void> {
    const hash = createHash(checksum.algorithm);
    try {
      for await (const { chunk } of bounded(row, piece)) {
        hash.update(chunk);
        await writer.write(chunk);
      }
      if (!hash.digest().equals(checksum.digest)) {
        const detail = `the bytes received have another ${checksum.algorithm}`;
        throw new ProblemError('checksum_mismatch', { detail });
      }
    } catch (error) {
      await writer.rollback();
      throw error;
    }
    await this.#promise(row.id, writer);
  }

  async #promise(id: string, writer: PartialWriter): Promise<number> {
    const sizeBytes = await writer.checkpoint();
    await this.#deps.store.advance(id, sizeBytes, this.#deps.clock() + LEASE_MS);
    return sizeBytes;
  }

  async #finish(id: string): Promise<TakenUpload> {
    const { artifacts, firmware, partials, store, uploads } = this.#deps;
    const row = await this.#find(id);
    if (row.firmware_id !== null) {
      const draft = await firmware.byId(row.firmware_id);
      if (draft === undefined) throw gone(`the draft of ${id} was deleted`);
      return { row: draft, isNew: false };
    }
    if (row.offset_bytes < row.length_bytes) {
      const detail = `${row.offset_bytes} of ${row.length_bytes} bytes are here`;
      throw new ProblemError('conflict', { detail });
    }
    const query: FirmwareUploadQuery = parseUploadMetadata(row.metadata);
    const staged = await partials.stagePartial(id);
    let taken: TakenUpload;
    try {
      taken = await uploads.takeStaged(query, staged);
    } finally {
      await artifacts.discard(staged);
    }
    await store.setFirmware(id, taken.row.id);
    await partials.discardPartial(id);
    return taken;
  }

  async #find(id: string): Promise<UploadRow> {
    const row = await this.#deps.store.byId(id);
    if (row === undefined) throw new ProblemError('not_found', { detail: `no upload ${id}` });
    if (row.expires_at_ms <= this.#deps.clock()) throw gone(`the upload ${id} has expired`);
    return row;
  }

  #refuseBusy(id: string): void {
    if (this.#writing.has(id) || this.#finishing.has(id)) throw busy(id);
  }

  /** This process refuses its own second request by itself; the lease is for those of other replicas. */
  async #alone<T>(id: string, work: (lost: AbortSignal) => Promise<T>): Promise<T> {
    const held = await this.#deps.leases.during(leaseOf(id), work);
    if (held === null) throw busy(id);
    return held.result;
  }

  /** Row first: bytes without a row are swept, a row without its bytes would promise what is gone. */
  async #remove(id: string): Promise<void> {
    await this.#deps.store.delete(id);
    await this.#deps.partials.discardPartial(id);
  }
}

/** The piece's chunks with the upload's size after each; throws when they pass its length. */
async function* bounded(
  row: UploadRow,
  piece: Piece,
): AsyncGenerator<{ chunk: Uint8Array; sizeBytes: number }> {
  let sizeBytes = row.offset_bytes;
  // A refused piece is not destroyed: the same socket still has to carry the reason.
  for await (const chunk of piece.body.iterator({ destroyOnReturn: false })) {
    const bytes = chunk as Uint8Array;
    sizeBytes += bytes.length;
    if (sizeBytes > row.length_bytes) throw tooLong(row);
    yield { chunk: bytes, sizeBytes };
  }
}

function tooLong(row: UploadRow): ProblemError {
  return new ProblemError('body_too_large', {
    detail: `the upload was announced with ${row.length_bytes} bytes`,
  });
}

function busy(id: string): ProblemError {
  const detail = `another request is at work on ${id}`;
  return new ProblemError('locked', { detail, retryAfterSeconds: 1 });
}

function leaseOf(id: string): string {
  return `upload/${id}`;
}

function gone(detail: string): ProblemError {
  return new ProblemError('gone', { detail });
}
