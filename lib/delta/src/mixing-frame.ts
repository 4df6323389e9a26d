import { crc32 } from 'node:zlib';
import { DeltaError } from './delta-error.ts';

/** Target bytes of a frame, but for the last of a block. */
export const FRAME_SIZE_BYTES = 256 * 1024;
/** A frame codes each target byte in at most this many bytes, whatever it holds. */
export const MAX_CODED_BYTES = 2 * FRAME_SIZE_BYTES;
export const FRAME_HEADER_BYTES = 10;

/** A block of METHOD_MIXING opens with the piece of base its literals may refer to. */
export const HISTORY_HEADER_BYTES = 8;
export const MAX_HISTORY_BYTES = 8 * 1024 * 1024;

export interface HistoryRange {
  readonly baseOffset: number;
  readonly length: number;
}

export function writeHistoryRange({ baseOffset, length }: HistoryRange): Uint8Array {
  const bytes = Buffer.alloc(HISTORY_HEADER_BYTES);
  bytes.writeUInt32LE(baseOffset, 0);
  bytes.writeUInt32LE(length, 4);
  return bytes;
}

export function readHistoryRange(bytes: Uint8Array, baseSizeBytes: number): HistoryRange {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const range = { baseOffset: view.readUInt32LE(0), length: view.readUInt32LE(4) };
  if (range.length > MAX_HISTORY_BYTES || range.baseOffset + range.length > baseSizeBytes) {
    throw new DeltaError('corrupt', 'a block refers to more base than there is');
  }
  return range;
}

/** What precedes a frame: the sizes of its two parts, and a CRC-32 over both. */
export interface FrameHeader {
  readonly codedBytes: number;
  /** 0: the frame's literals are coded with the rest. */
  readonly rawBytes: number;
  readonly crc32: number;
}

export function writeFrame(coded: Uint8Array, raw: Uint8Array): Uint8Array {
  const head = Buffer.alloc(FRAME_HEADER_BYTES);
  head.writeUIntLE(coded.length, 0, 3);
  head.writeUIntLE(raw.length, 3, 3);
  head.writeUInt32LE(crc32(raw, crc32(coded)), 6);
  return Buffer.concat([head, coded, raw]);
}

/** Throws DeltaError 'corrupt' for a frame larger than any encoder makes. */
export function readFrameHeader(bytes: Uint8Array): FrameHeader {
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const codedBytes = head.readUIntLE(0, 3);
  const rawBytes = head.readUIntLE(3, 3);
  if (codedBytes > MAX_CODED_BYTES || rawBytes > FRAME_SIZE_BYTES) {
    throw new DeltaError('corrupt', `a frame of ${codedBytes} + ${rawBytes} bytes is too long`);
  }
  return { codedBytes, rawBytes, crc32: head.readUInt32LE(6) };
}
