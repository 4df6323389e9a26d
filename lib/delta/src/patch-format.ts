import { crc32 } from 'node:zlib';
import { DeltaError } from './delta-error.ts';

/** Name of format and major version, as the wire contracts know it. */
export const CODEC_NAME = 'flotilla-delta-2';

export const HEADER_SIZE_BYTES = 38;
export const BLOCK_HEADER_BYTES = 5;
/** Target bytes of a block, but for the last: 2 to this power. */
export const MIN_BLOCK_BITS = 18;
export const MAX_BLOCK_BITS = 24;
/** 64 GiB. */
export const MAX_IMAGE_BYTES = 2 ** 36;
export const MIN_TABLE_BITS = 12;
export const MAX_TABLE_BITS = 18;

/** How a block is coded. */
export const METHOD_MIXING = 1;
export const METHOD_STREAMS = 2;

const MAGIC = Buffer.from('FLDT', 'latin1');
const VERSION = 2;
const SIZE_BYTES = 5;
const DIGEST_BYTES = 8;
const BASE_AT = 8;
const TARGET_AT = BASE_AT + SIZE_BYTES + DIGEST_BYTES;
const CRC_OFFSET = HEADER_SIZE_BYTES - 4;

/** What a patch says of itself. */
export interface DeltaHeader {
  readonly version: number;
  /** The first 8 bytes of the SHA-256, in lower-case hex: against mistakes, not against forgers. */
  readonly baseDigest: string;
  readonly baseSizeBytes: number;
  readonly targetDigest: string;
  readonly targetSizeBytes: number;
  /** Log2 of the models' slots per context: the memory the patch asks of the device. */
  readonly tableBits: number;
  /** Log2 of the target bytes of a block, which is where applying may resume. */
  readonly blockBits: number;
}

/** The part of a SHA-256, in hex, that a header holds. */
export function shortDigest(sha256: string): string {
  return sha256.slice(0, 2 * DIGEST_BYTES);
}

export function writeHeader(header: Omit<DeltaHeader, 'version'>): Uint8Array {
  const bytes = Buffer.alloc(HEADER_SIZE_BYTES);
  MAGIC.copy(bytes, 0);
  bytes.writeUInt8(VERSION, 4);
  bytes.writeUInt8(header.tableBits, 5);
  bytes.writeUInt8(header.blockBits, 6);
  bytes.writeUIntLE(header.baseSizeBytes, BASE_AT, SIZE_BYTES);
  bytes.write(header.baseDigest, BASE_AT + SIZE_BYTES, DIGEST_BYTES, 'hex');
  bytes.writeUIntLE(header.targetSizeBytes, TARGET_AT, SIZE_BYTES);
  bytes.write(header.targetDigest, TARGET_AT + SIZE_BYTES, DIGEST_BYTES, 'hex');
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
    blockBits: bytes.readUInt8(6),
    baseSizeBytes: bytes.readUIntLE(BASE_AT, SIZE_BYTES),
    baseDigest: digestAt(bytes, BASE_AT + SIZE_BYTES),
    targetSizeBytes: bytes.readUIntLE(TARGET_AT, SIZE_BYTES),
    targetDigest: digestAt(bytes, TARGET_AT + SIZE_BYTES),
  };
  checkRanges(header, bytes.readUInt8(7));
  return header;
}

function digestAt(bytes: Buffer, at: number): string {
  return bytes.toString('hex', at, at + DIGEST_BYTES);
}

function checkRanges(header: DeltaHeader, reserved: number): void {
  if (reserved !== 0) throw new DeltaError('corrupt', 'the reserved header byte is not zero');
  if (header.baseSizeBytes > MAX_IMAGE_BYTES || header.targetSizeBytes > MAX_IMAGE_BYTES) {
    throw new DeltaError('too_large', `an image exceeds ${MAX_IMAGE_BYTES} bytes`);
  }
  if (header.tableBits < MIN_TABLE_BITS || header.tableBits > MAX_TABLE_BITS) {
    throw new DeltaError('corrupt', `model size ${header.tableBits} is out of range`);
  }
  if (header.blockBits < MIN_BLOCK_BITS || header.blockBits > MAX_BLOCK_BITS) {
    throw new DeltaError('corrupt', `block size ${header.blockBits} is out of range`);
  }
}

/** What precedes a block. */
export interface BlockHeader {
  readonly method: number;
  /** Bytes of patch to the next block. */
  readonly payloadBytes: number;
}

export function writeBlockHeader({ method, payloadBytes }: BlockHeader): Uint8Array {
  const bytes = Buffer.alloc(BLOCK_HEADER_BYTES);
  bytes.writeUInt8(method, 0);
  bytes.writeUInt32LE(payloadBytes, 1);
  return bytes;
}

/** Throws DeltaError 'corrupt' for a block larger than any encoder makes. */
export function readBlockHeader(bytes: Uint8Array, blockBits: number): BlockHeader {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const method = view.readUInt8(0);
  const payloadBytes = view.readUInt32LE(1);
  if (method !== METHOD_MIXING && method !== METHOD_STREAMS) {
    throw new DeltaError('corrupt', `a block is coded by method ${method}, which is unknown`);
  }
  if (payloadBytes > 2 * 2 ** blockBits + 4096) {
    throw new DeltaError('corrupt', `a block of ${payloadBytes} bytes is too long`);
  }
  return { method, payloadBytes };
}
