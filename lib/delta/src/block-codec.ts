import type { BasePages } from './base-pages.ts';
import type { Edit } from './edit-script.ts';
import type { ImageSource } from './image-source.ts';
import type { PatchReader } from './patch-reader.ts';

/** One block's task: its target bytes and edits that make them, whose lengths sum to them. */
export interface BlockInput {
  readonly base: ImageSource;
  readonly target: Uint8Array;
  readonly edits: readonly Edit[];
}

export interface CodedBlock {
  readonly method: number;
  readonly payload: Uint8Array;
  /** What a device has to do for it besides copying: model slots read and moved. */
  readonly work: number;
}

/** One way to code blocks; a block knows nothing of those before it. */
export interface BlockEncoder {
  encode(input: BlockInput): CodedBlock;
}

export interface BlockDecoder {
  /**
   * Reads exactly one block's payload and writes its `sizeBytes` of target in order. Throws
   * DeltaError for whatever an encoder does not make; memory does not depend on the patch.
   */
  decode(reader: PatchReader, sizeBytes: number, write: WriteTarget): Promise<void>;
}

export type WriteTarget = (chunk: Uint8Array) => Promise<void>;

/** What a decoder works on. */
export interface DecoderContext {
  readonly pages: BasePages;
  readonly tableBits: number;
}
