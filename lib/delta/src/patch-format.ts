import { crc32 } from 'node:zlib';
import { DeltaError } from './delta-error.ts';

/** Name of format and major version, as the wire contracts know it. */
export const CODEC_NAME = 'flotilla-delta-1';

/** Target bytes per block, but for the last. */
export const BLOCK_SIZE_BYTES = 256 * 1024;
/** A block codes each target byte in at most this many bytes, whatever it holds. */
export const MAX_CODED_BYTES = 2 * BLOCK_SIZE_BYTES;
export const BLOCK_HEADER_BYTES = 10;
export const HEADER_SIZE_BYTES = 84;
/** Offsets and lengths are 31 bits wide. */
export const MAX_IMAGE_BYTES = 2 ** 31 - 2;
export const MIN_TABLE_BITS = 12;
export const MAX_TABLE_BITS = 19;

const MAGIC = Buffer.from('FLDT', 'latin1');
const VERSION = 1;
const CRC_OFFSET = HEADER_SIZE_BYTES - 4;

/** What a patch says of itself. Hashes in lower-case hex. */
export interface DeltaHeader {
  readonly version: number;
  readonly baseSha256: string;
  readonly baseSizeBytes: number;
  readonly targetSha256: string;
  readonly targetSizeBytes: number;
  /** Log2 of the models' slots per context: the memory the patch asks of the device. */
  readonly tableBits: number;
}

export function writeHeader(header: Omit<DeltaHeader, 'version'>): Uint8Array {
  const bytes = Buffer.alloc(HEADER_SIZE_BYTES);
  MAGIC.copy(bytes, 0);
  bytes.writeUInt8(VERSION, 4);
  bytes.writeUInt8(header.tableBits, 5);
  bytes.writeUInt32LE(header.baseSizeBytes, 8);
  bytes.write(header.baseSha256, 12, 'hex');
  bytes.writeUInt32LE(header.targetSizeBytes, 44);
  bytes.write(header.targetSha256, 48, 'hex');
  bytes.writeUInt32LE(crc32(bytes.subarray(0, CRC_OFFSET)), CRC_OFFSET);
  return bytes;
}

/** Reads the header that opens `patch`; throws DeltaError. */
export function readDeltaHeader(patch: Uint8Array): DeltaHeader {
  const bytes = Buffer.from(patch.buffer, patch.byteOffset, patch.byteLength);
  const known = Math.min(bytes.length, MAGIC.length);
  if (!bytes.subarray(0, known).equals(MAGIC.subarray(0, known))) {
    throw new DeltaError('bad_magic', 'this is not a flotilla delta');
  }
  if (bytes.length > 4 && bytes.readUInt8(4) !== VERSION) {
    throw new DeltaError('unsupported_version', `delta version ${bytes.readUInt8(4)} is unknown`);
  }
  if (bytes.length < HEADER_SIZE_BYTES) {
    throw new DeltaError('truncated', `the header needs ${HEADER_SIZE_BYTES} bytes`);
  }
  if (crc32(bytes.subarray(0, CRC_OFFSET)) !== bytes.readUInt32LE(CRC_OFFSET)) {
    throw new DeltaError('corrupt', 'the header fails its checksum');
  }
  const header: DeltaHeader = {
    version: VERSION,
    tableBits: bytes.readUInt8(5),
    baseSizeBytes: bytes.readUInt32LE(8),
    baseSha256: bytes.toString('hex', 12, 44),
    targetSizeBytes: bytes.readUInt32LE(44),
    targetSha256: bytes.toString('hex', 48, 80),
  };
  checkRanges(header, bytes.readUInt16LE(6));
  return header;
}

function checkRanges(header: DeltaHeader, reserved: number): void {
  if (reserved !== 0) throw new DeltaError('corrupt', 'reserved header bytes are not zero');
  if (header.baseSizeBytes > MAX_IMAGE_BYTES || header.targetSizeBytes > MAX_IMAGE_BYTES) {
    throw new DeltaError('too_large', `an image exceeds ${MAX_IMAGE_BYTES} bytes`);
  }
  if (header.tableBits < MIN_TABLE_BITS || header.tableBits > MAX_TABLE_BITS) {
    throw new DeltaError('corrupt', `model size ${header.tableBits} is out of range`);
  }
}

/** What precedes a block: the sizes of its two parts, and a CRC-32 over both. */
export interface BlockHeader {
  readonly codedBytes: number;
  /** 0: the block's literals are coded with the rest. */
  readonly rawBytes: number;
  readonly crc32: number;
}

export function writeBlock(coded: Uint8Array, raw: Uint8Array): Uint8Array {
  const head = Buffer.alloc(BLOCK_HEADER_BYTES);
  head.writeUIntLE(coded.length, 0, 3);
  head.writeUIntLE(raw.length, 3, 3);
  head.writeUInt32LE(crc32(raw, crc32(coded)), 6);
  return Buffer.concat([head, coded, raw]);
}

/** Throws DeltaError 'corrupt' for a block larger than any encoder makes. */
export function readBlockHeader(bytes: Uint8Array): BlockHeader {
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const codedBytes = head.readUIntLE(0, 3);
  const rawBytes = head.readUIntLE(3, 3);
  if (codedBytes > MAX_CODED_BYTES || rawBytes > BLOCK_SIZE_BYTES) {
    throw new DeltaError('corrupt', `a block of ${codedBytes} + ${rawBytes} bytes is too long`);
  }
  return { codedBytes, rawBytes, crc32: head.readUInt32LE(6) };
}
