import { crc32 } from 'node:zlib';
import { DeltaError } from './delta-error.ts';

/** Target bytes made at a time, but for the last of a block. */
export const PIECE_SIZE_BYTES = 256 * 1024;
/** A frame of so many coded bytes takes no more pieces: where little changes, one is all there is. */
export const FULL_FRAME_BYTES = 64 * 1024;
/** A piece codes each target byte in at most two bytes, whatever it holds. */
const MAX_CODED_BYTES = FULL_FRAME_BYTES + 2 * PIECE_SIZE_BYTES;
const MAX_PIECES = 64;
export const FRAME_HEADER_BYTES = 8;
/** Follows the header of a frame that has raw literals. */
export const RAW_SIZE_BYTES = 3;
const RAW_FLAG = 0x80;

/** A block of METHOD_MIXING opens with the piece of base its literals may refer to: one byte, */
const HISTORY_NONE = 0;
const HISTORY_WHOLE = 1;
const HISTORY_PIECE = 2;
/** and for HISTORY_PIECE so many more. */
export const HISTORY_RANGE_BYTES = 8;
export const MAX_HISTORY_BYTES = 8 * 1024 * 1024;

export interface HistoryRange {
  readonly baseOffset: number;
  readonly length: number;
}

export function writeHistory(range: HistoryRange, baseSizeBytes: number): Uint8Array {
  if (range.length === 0) return Buffer.of(HISTORY_NONE);
  if (range.length === baseSizeBytes) return Buffer.of(HISTORY_WHOLE);
  const bytes = Buffer.alloc(1 + HISTORY_RANGE_BYTES);
  bytes.writeUInt8(HISTORY_PIECE, 0);
  bytes.writeUInt32LE(range.baseOffset, 1);
  bytes.writeUInt32LE(range.length, 5);
  return bytes;
}

/** `take` gives the next bytes of the patch. Throws DeltaError 'corrupt'. */
export async function readHistory(
  take: (length: number) => Promise<Uint8Array>,
  baseSizeBytes: number,
): Promise<HistoryRange> {
  const kind = (await take(1))[0];
  let range = { baseOffset: 0, length: kind === HISTORY_WHOLE ? baseSizeBytes : 0 };
  if (kind === HISTORY_PIECE) {
    const view = Buffer.from(await take(HISTORY_RANGE_BYTES));
    range = { baseOffset: view.readUInt32LE(0), length: view.readUInt32LE(4) };
  } else if (kind !== HISTORY_NONE && kind !== HISTORY_WHOLE) {
    throw new DeltaError('corrupt', `a history of kind ${kind}`);
  }
  if (range.length > MAX_HISTORY_BYTES || range.baseOffset + range.length > baseSizeBytes) {
    throw new DeltaError('corrupt', 'a block refers to more base than there is');
  }
  return range;
}

/** What precedes a frame, with a CRC-32 over all that follows it. */
export interface FrameHeader {
  readonly pieces: number;
  readonly codedBytes: number;
  /** Its literals are not coded with the rest: their size, in three bytes, and they come last. */
  readonly hasRaw: boolean;
  readonly crc32: number;
}

export function writeFrame(pieces: number, coded: Uint8Array, raw: Uint8Array): Uint8Array {
  const rawSize = Buffer.alloc(raw.length > 0 ? RAW_SIZE_BYTES : 0);
  if (raw.length > 0) rawSize.writeUIntLE(raw.length, 0, RAW_SIZE_BYTES);
  const body = Buffer.concat([rawSize, coded, raw]);
  const head = Buffer.alloc(FRAME_HEADER_BYTES);
  head.writeUInt8(raw.length > 0 ? pieces | RAW_FLAG : pieces, 0);
  head.writeUIntLE(coded.length, 1, 3);
  head.writeUInt32LE(crc32(body), 4);
  return Buffer.concat([head, body]);
}

/** Throws DeltaError 'corrupt' for a frame larger than any encoder makes. */
export function readFrameHeader(bytes: Uint8Array): FrameHeader {
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const hasRaw = (head.readUInt8(0) & RAW_FLAG) !== 0;
  const pieces = head.readUInt8(0) & ~RAW_FLAG;
  const codedBytes = head.readUIntLE(1, 3);
  if (codedBytes > MAX_CODED_BYTES) {
    throw new DeltaError('corrupt', `a frame of ${codedBytes} bytes is too long`);
  }
  if (pieces === 0 || pieces > MAX_PIECES) {
    throw new DeltaError('corrupt', `a frame of ${pieces} pieces`);
  }
  return { pieces, codedBytes, hasRaw, crc32: head.readUInt32LE(4) };
}

export function readRawSize(bytes: Uint8Array): number {
  const rawBytes = Buffer.from(bytes).readUIntLE(0, RAW_SIZE_BYTES);
  if (rawBytes > PIECE_SIZE_BYTES) {
    throw new DeltaError('corrupt', `raw literals of ${rawBytes} bytes are too long`);
  }
  return rawBytes;
}
