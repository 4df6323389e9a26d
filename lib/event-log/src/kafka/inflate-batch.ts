import { compressionsAlgorithmsByBitmask } from '@platformatic/kafka';
import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import { UnreadableBatchError } from './unreadable-batch.ts';

const GZIP = 1;
const SNAPPY = 2;
const LZ4 = 3;
const ZSTD = 4;
/** "SNAPPY" framed as the Java client does: this head, then blocks behind their lengths. */
const XERIAL_HEAD = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00]);
const XERIAL_HEAD_BYTES = 16;
const LZ4_MAGIC = 0x184d2204;
const LZ4_UNCOMPRESSED = 0x8000_0000;
const LZ4_MAX_RATIO = 255;

/** Undoes a batch's compression. Throws UnreadableBatchError beyond `maxBytes` and for what is none. */
export function inflateBatch(bytes: Buffer, codec: number, maxBytes: number): Buffer {
  const algorithm = compressionsAlgorithmsByBitmask[codec];
  if (algorithm === undefined) throw new UnreadableBatchError(`compression ${codec} is unknown`);
  try {
    if (codec === GZIP) return gunzipSync(bytes, { maxOutputLength: maxBytes });
    if (codec === ZSTD) return zstdDecompressSync(bytes, { maxOutputLength: maxBytes });
    const size = codec === SNAPPY ? snappySize(bytes) : codec === LZ4 ? lz4Size(bytes) : 0;
    if (size > maxBytes) throw tooLarge(maxBytes);
    return algorithm.decompressSync(bytes);
  } catch (cause) {
    if (cause instanceof UnreadableBatchError) throw cause;
    if (cause instanceof Error && 'code' in cause && cause.code === 'ERR_BUFFER_TOO_LARGE') {
      throw tooLarge(maxBytes);
    }
    throw new UnreadableBatchError('its records cannot be decompressed', { cause });
  }
}

function tooLarge(maxBytes: number): UnreadableBatchError {
  return new UnreadableBatchError(`its records have more than ${maxBytes} bytes`);
}

/** What its blocks say they come to; the decoder holds them to it. */
function snappySize(bytes: Buffer): number {
  if (!bytes.subarray(0, XERIAL_HEAD.length).equals(XERIAL_HEAD)) return snappyBlockSize(bytes);
  let size = 0;
  for (let at = XERIAL_HEAD_BYTES; at < bytes.length;) {
    const length = bytes.readUInt32BE(at);
    size += snappyBlockSize(bytes.subarray(at + 4, at + 4 + length));
    at += 4 + length;
  }
  return size;
}

/** The varint a block begins with. */
function snappyBlockSize(block: Buffer): number {
  let size = 0;
  for (let i = 0; i < 5; i += 1) {
    const byte = block.readUInt8(i);
    size += (byte & 127) * 2 ** (7 * i);
    if (byte < 128) break;
  }
  return size;
}

/** At most so much: a frame's blocks are bounded by its head and by what LZ4 can reach. */
function lz4Size(bytes: Buffer): number {
  if (bytes.readUInt32LE(0) !== LZ4_MAGIC) throw new UnreadableBatchError('it is no LZ4 frame');
  const flags = bytes.readUInt8(4);
  const blockMaxBytes = 2 ** (8 + 2 * ((bytes.readUInt8(5) >> 4) & 7));
  const hasSize = (flags & 0b1000) !== 0;
  const hasDictionary = (flags & 0b1) !== 0;
  const blockTail = (flags & 0b1_0000) === 0 ? 0 : 4;
  let size = 0;
  let at = 7 + (hasSize ? 8 : 0) + (hasDictionary ? 4 : 0);
  while (at + 4 <= bytes.length) {
    const head = bytes.readUInt32LE(at);
    if (head === 0) break;
    const length = head % LZ4_UNCOMPRESSED;
    const isPlain = head >= LZ4_UNCOMPRESSED;
    size += isPlain ? length : Math.min(blockMaxBytes, length * LZ4_MAX_RATIO);
    at += 4 + length + blockTail;
  }
  return size;
}
