import type { StagedArtifact } from './artifact-store.ts';

/**
 * Artifacts that arrive in pieces and over restarts, each below an id. The caller keeps how many bytes
 * of each are promised; bytes behind a promise are cut off when writing goes on.
 */
export interface PartialArtifactStore {
  /** Goes on at `offsetBytes`, or begins at 0. One writer an id at a time. */
  openPartial(id: string, offsetBytes: number): Promise<PartialWriter>;
  /**
   * The bytes so far, as staged. The partial itself stays until it is discarded, so a kill between
   * publishing and whatever follows loses nothing.
   */
  stagePartial(id: string): Promise<StagedArtifact>;
  discardPartial(id: string): Promise<void>;
  partialIds(): Promise<string[]>;
}

export interface PartialWriter {
  write(chunk: Uint8Array): Promise<void>;
  /** Makes what was written durable; answers with all bytes of the partial. */
  checkpoint(): Promise<number>;
  /** Back to where this writer began. */
  rollback(): Promise<void>;
  close(): Promise<void>;
}
