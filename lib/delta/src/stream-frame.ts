import { constants, crc32, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { DeltaError } from './delta-error.ts';

/** Target bytes of a frame, but for the last of a block. */
export const STREAM_FRAME_BYTES = 2 * 1024 * 1024;
/** Piece of base that the literals' compressor starts out from. */
export const MAX_DICTIONARY_BYTES = 2 * 1024 * 1024;
export const STREAM_HEADER_BYTES = 24;
/** Three varints of at most five bytes; an edit makes one byte or more, so this is never reached. */
export const MAX_CONTROL_BYTES = 2 * 1024 * 1024;

const WINDOW_LOG = 22;

/** Three zstd frames (RFC 8878); one of no content takes no bytes. */
export interface StreamFrame {
  readonly dictionaryOffset: number;
  readonly dictionaryBytes: number;
  readonly controlRawBytes: number;
  readonly control: Uint8Array;
  readonly differences: Uint8Array;
  readonly literals: Uint8Array;
}

export interface StreamFrameHeader {
  readonly dictionaryOffset: number;
  readonly dictionaryBytes: number;
  readonly controlRawBytes: number;
  readonly controlBytes: number;
  readonly differenceBytes: number;
  readonly literalBytes: number;
  readonly crc32: number;
}

export function writeStreamFrame(frame: StreamFrame): Uint8Array {
  const head = Buffer.alloc(STREAM_HEADER_BYTES);
  head.writeUInt32LE(frame.dictionaryOffset, 0);
  head.writeUInt32LE(frame.dictionaryBytes, 4);
  head.writeUIntLE(frame.controlRawBytes, 8, 3);
  head.writeUIntLE(frame.control.length, 11, 3);
  head.writeUIntLE(frame.differences.length, 14, 3);
  head.writeUIntLE(frame.literals.length, 17, 3);
  const body = Buffer.concat([frame.control, frame.differences, frame.literals]);
  head.writeUInt32LE(crc32(body), 20);
  return Buffer.concat([head, body]);
}

/** Throws DeltaError 'corrupt' for a frame that no encoder makes. */
export function readStreamHeader(bytes: Uint8Array, baseSizeBytes: number): StreamFrameHeader {
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const header: StreamFrameHeader = {
    dictionaryOffset: head.readUInt32LE(0),
    dictionaryBytes: head.readUInt32LE(4),
    controlRawBytes: head.readUIntLE(8, 3),
    controlBytes: head.readUIntLE(11, 3),
    differenceBytes: head.readUIntLE(14, 3),
    literalBytes: head.readUIntLE(17, 3),
    crc32: head.readUInt32LE(20),
  };
  const { dictionaryOffset, dictionaryBytes, controlRawBytes, controlBytes } = header;
  const longest = Math.max(controlBytes, header.differenceBytes, header.literalBytes);
  if (
    dictionaryBytes > MAX_DICTIONARY_BYTES ||
    dictionaryOffset + dictionaryBytes > baseSizeBytes ||
    controlRawBytes > MAX_CONTROL_BYTES ||
    longest > STREAM_FRAME_BYTES + 64 * 1024
  ) {
    throw new DeltaError('corrupt', 'a frame asks for more than any encoder writes');
  }
  return header;
}

export function compress(bytes: Uint8Array, dictionary?: Uint8Array): Uint8Array {
  if (bytes.length === 0) return bytes;
  return zstdCompressSync(bytes, {
    ...(dictionary !== undefined && dictionary.length > 0 && { dictionary }),
    params: {
      [constants.ZSTD_c_compressionLevel]: 22,
      [constants.ZSTD_c_windowLog]: WINDOW_LOG,
    },
  });
}

/** Exactly `sizeBytes`, or DeltaError 'corrupt'; never holds more than the format's window. */
export function decompress(
  bytes: Uint8Array,
  sizeBytes: number,
  dictionary?: Uint8Array,
): Uint8Array {
  if (sizeBytes === 0 && bytes.length === 0) return bytes;
  let made: Uint8Array;
  try {
    made = zstdDecompressSync(bytes, {
      ...(dictionary !== undefined && dictionary.length > 0 && { dictionary }),
      maxOutputLength: Math.max(sizeBytes, 1),
      chunkSize: Math.max(sizeBytes, 64),
      params: { [constants.ZSTD_d_windowLogMax]: WINDOW_LOG },
    });
  } catch (cause) {
    throw new DeltaError('corrupt', 'a stream does not decompress', { cause });
  }
  if (made.length !== sizeBytes) {
    throw new DeltaError('corrupt', `a stream has ${made.length} bytes instead of ${sizeBytes}`);
  }
  return made;
}
