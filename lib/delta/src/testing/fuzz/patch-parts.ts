import { crc32, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import {
  FRAME_HEADER_BYTES,
  HISTORY_RANGE_BYTES,
  RAW_SIZE_BYTES,
  writeFrame,
} from '../../mixing-frame.ts';
import { BLOCK_HEADER_BYTES, HEADER_SIZE_BYTES, METHOD_STREAMS } from '../../patch-format.ts';
import { STREAM_HEADER_BYTES } from '../../stream-frame.ts';

/** Behind the dictionary and the length of the edits. */
const STREAM_SIZES_AT = 11;
const HEADER_CRC_AT = HEADER_SIZE_BYTES - 4;

/** Makes the header's checksum right again. */
export function sealHeader(patch: Buffer): Buffer {
  patch.writeUInt32LE(crc32(patch.subarray(0, HEADER_CRC_AT)), HEADER_CRC_AT);
  return patch;
}

/** A patch's first frame apart, to be put together again with right lengths and checksums. */
export interface PatchParts {
  readonly header: Buffer;
  readonly method: number;
  /** Before the frame: the mixing method's piece of base; nothing of the streams method. */
  readonly history: Buffer;
  /** How many pieces; or the streams method's dictionary and the length of its edits. */
  readonly frameHead: Buffer;
  /** Coded bits and raw literals; or control, differences and literals. */
  readonly streams: readonly Buffer[];
  /** What follows the first frame in its block, and the blocks after it. */
  readonly restOfBlock: Buffer;
  readonly rest: Buffer;
}

/** Of a sound patch; null where there is no frame. */
export function takeApart(patch: Buffer): PatchParts | null {
  const blockAt = HEADER_SIZE_BYTES + BLOCK_HEADER_BYTES;
  if (patch.length < blockAt) return null;
  const header = patch.subarray(0, HEADER_SIZE_BYTES);
  const method = patch.readUInt8(HEADER_SIZE_BYTES);
  const payload = patch.subarray(blockAt, blockAt + patch.readUInt32LE(HEADER_SIZE_BYTES + 1));
  const rest = patch.subarray(blockAt + payload.length);
  const frame = method === METHOD_STREAMS ? streamsFrame(payload) : mixingFrame(payload);
  return { header, method, ...frame, rest };
}

type Frame = Omit<PatchParts, 'header' | 'method' | 'rest'>;

function mixingFrame(payload: Buffer): Frame {
  const frameAt = payload.readUInt8(0) === 2 ? 1 + HISTORY_RANGE_BYTES : 1;
  const hasRaw = payload.readUInt8(frameAt) > 127;
  const bodyAt = frameAt + FRAME_HEADER_BYTES;
  const codedAt = bodyAt + (hasRaw ? RAW_SIZE_BYTES : 0);
  const rawAt = codedAt + payload.readUIntLE(frameAt + 1, 3);
  const end = rawAt + (hasRaw ? payload.readUIntLE(bodyAt, RAW_SIZE_BYTES) : 0);
  return {
    history: payload.subarray(0, frameAt),
    frameHead: Buffer.of(payload.readUInt8(frameAt) & 127),
    streams: [payload.subarray(codedAt, rawAt), payload.subarray(rawAt, end)],
    restOfBlock: payload.subarray(end),
  };
}

function streamsFrame(payload: Buffer): Frame {
  let at = STREAM_HEADER_BYTES;
  const streams = [0, 1, 2].map((i) => {
    const length = payload.readUIntLE(STREAM_SIZES_AT + 3 * i, 3);
    at += length;
    return payload.subarray(at - length, at);
  });
  return {
    history: Buffer.alloc(0),
    frameHead: payload.subarray(0, STREAM_SIZES_AT),
    streams,
    restOfBlock: payload.subarray(at),
  };
}

export function putTogether(parts: PatchParts): Buffer {
  const frame = isStreams(parts) ? joinStreams(parts) : joinMixing(parts);
  const payload = Buffer.concat([parts.history, frame, parts.restOfBlock]);
  const head = Buffer.alloc(BLOCK_HEADER_BYTES);
  head.writeUInt8(parts.method, 0);
  head.writeUInt32LE(payload.length, 1);
  return Buffer.concat([parts.header, head, payload, parts.rest]);
}

function joinMixing({ frameHead, streams }: PatchParts): Uint8Array {
  const [coded = Buffer.alloc(0), raw = Buffer.alloc(0)] = streams;
  return writeFrame(frameHead.readUInt8(0), coded, raw);
}

function joinStreams({ frameHead, streams }: PatchParts): Buffer {
  const sizes = Buffer.alloc(3 * streams.length + 4);
  const body = Buffer.concat(streams);
  streams.forEach((stream, i) => sizes.writeUIntLE(stream.length & 0xffffff, 3 * i, 3));
  sizes.writeUInt32LE(crc32(body), 3 * streams.length);
  return Buffer.concat([frameHead, sizes, body]);
}

export function isStreams(parts: PatchParts): boolean {
  return parts.method === METHOD_STREAMS;
}

export function pack(bytes: Uint8Array): Buffer {
  return bytes.length === 0 ? Buffer.alloc(0) : zstdCompressSync(bytes);
}

export function unpack(stream: Buffer): Buffer {
  return stream.length === 0 ? Buffer.alloc(0) : zstdDecompressSync(stream);
}
