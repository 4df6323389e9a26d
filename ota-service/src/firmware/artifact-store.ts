import type { Readable } from 'node:stream';

/** Bytes on their way in: complete and on disk, but not yet reachable by their digest. */
export interface StagedArtifact {
  /** A local file that holds them until they are published or discarded. */
  readonly file: string;
  readonly sha256: string;
  readonly sizeBytes: number;
}

/**
 * Artifacts and deltas, addressed by the SHA-256 of their bytes. What is published is complete and
 * durable, and never changes; a crash at any moment leaves either all of it or nothing.
 */
export interface ArtifactStore {
  /**
   * Reads the source to its end in constant memory. Throws ArtifactTooLargeError past the limit, or
   * the source's own error; then nothing is left behind.
   */
  stage(source: AsyncIterable<Uint8Array>, limitBytes: number): Promise<StagedArtifact>;
  /** Makes staged bytes reachable; durable when it resolves. Publishing the same bytes twice is fine. */
  publish(staged: StagedArtifact): Promise<void>;
  /** Drops staged bytes; nothing to do when they were published. */
  discard(staged: StagedArtifact): Promise<void>;
  /** Null when there is no such artifact. */
  sizeBytes(sha256: string): Promise<number | null>;
  /** Bytes `first` to `last`, both inclusive. */
  open(sha256: string, first: number, last: number): Readable;
  /** A local file with the artifact's bytes, not to be written to. */
  localFile(sha256: string): Promise<string>;
  /** Everything published, in no order. `modifiedAtMs` is when it was last published. */
  list(): AsyncIterable<PublishedArtifact>;
  /**
   * False when it is not there, or was published again after the given time. A download that has
   * begun reads on to its end.
   */
  remove(sha256: string, unlessModifiedAfterMs: number): Promise<boolean>;
}

export interface PublishedArtifact {
  readonly sha256: string;
  readonly sizeBytes: number;
  readonly modifiedAtMs: number;
}

export class ArtifactTooLargeError extends Error {
  override readonly name = 'ArtifactTooLargeError';
  readonly limitBytes: number;
  constructor(limitBytes: number) {
    super(`the artifact is larger than ${limitBytes} bytes`);
    this.limitBytes = limitBytes;
  }
}

export class ArtifactMissingError extends Error {
  override readonly name = 'ArtifactMissingError';
  constructor(sha256: string, options?: ErrorOptions) {
    super(`the artifact ${sha256} is not in the store`, options);
  }
}
