/** One independent frame of a seekable zstd file. */
export interface SeekableFrame {
  readonly compressedBytes: number;
  readonly contentBytes: number;
}

const SKIPPABLE_MAGIC = 0x184d2a5e;
const SEEKABLE_MAGIC = 0x8f92eab1;
const HEADER_BYTES = 8;
const ENTRY_BYTES = 8;
const FOOTER_BYTES = 9;

/**
 * The last frame of a seekable zstd file (zstd_seekable_compression_format.md 0.1.0): a skippable one
 * that tells where the others begin, so any zstd decoder passes over it. Without checksums of its
 * own, for every frame carries one.
 */
export function seekTable(frames: readonly SeekableFrame[]): Buffer {
  const table = Buffer.alloc(HEADER_BYTES + frames.length * ENTRY_BYTES + FOOTER_BYTES);
  table.writeUInt32LE(SKIPPABLE_MAGIC, 0);
  table.writeUInt32LE(table.length - HEADER_BYTES, 4);
  let at = HEADER_BYTES;
  for (const { compressedBytes, contentBytes } of frames) {
    table.writeUInt32LE(compressedBytes, at);
    table.writeUInt32LE(contentBytes, at + 4);
    at += ENTRY_BYTES;
  }
  table.writeUInt32LE(frames.length, at);
  // Seek_Table_Descriptor: no checksums.
  table.writeUInt8(0, at + 4);
  table.writeUInt32LE(SEEKABLE_MAGIC, at + 5);
  return table;
}
