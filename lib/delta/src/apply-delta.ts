import { createHash, type Hash } from 'node:crypto';
import { BasePages, readExactly } from './base-pages.ts';
import { baseView } from './base-view.ts';
import type { BlockDecoder, DecoderContext, WriteTarget } from './block-codec.ts';
import { DeltaError } from './delta-error.ts';
import { MixingDecoder } from './mixing-decoder.ts';
import {
  BLOCK_HEADER_BYTES,
  HEADER_SIZE_BYTES,
  METHOD_STREAMS,
  readBlockHeader,
  readDeltaHeader,
  shortDigest,
  type DeltaHeader,
} from './patch-format.ts';
import { PatchReader } from './patch-reader.ts';
import type { RandomAccessBase } from './random-access-base.ts';
import { StreamDecoder } from './stream-decoder.ts';

const HASH_CHUNK_BYTES = 256 * 1024;
const DEFAULT_MAX_TARGET_BYTES = 2 * 1024 ** 3;

export interface ApplyLimits {
  /**
   * Largest target accepted, in bytes; default 2 GiB. A device passes the size that was signed: then
   * a patch for any image it may install is accepted, and no patch writes more than that.
   */
  readonly maxTargetSizeBytes?: number;
}

export interface ApplyOptions {
  readonly base: RandomAccessBase;
  /** From its first byte on, also when resuming. */
  readonly patch: AsyncIterable<Uint8Array>;
  /** Called in order, never twice at a time, with at most 2 MiB that are the callee's to keep. */
  readonly write: WriteTarget;
  readonly limits?: ApplyLimits;
  /**
   * Resumes there: a number that `onBlock` gave, or 0. What lies before is neither decoded nor
   * written again, and the target's SHA-256 is the caller's to check.
   */
  readonly startAtBytes?: number;
  /**
   * Called when all of a block has been written, with the target bytes up to there: where applying
   * may resume. The next write waits for it.
   */
  readonly onBlock?: (targetBytes: number) => Promise<void>;
}

export interface ApplyResult {
  /** Of the target, in lower-case hex; null after resuming, for not all of it was seen. */
  readonly sha256: string | null;
  readonly sizeBytes: number;
}

/**
 * Streams the target out. Memory does not depend on the images: the models' tables and a piece of
 * base (48 MiB at most, as the patch asks) and some buffers.
 *
 * The base's digest is checked before the first write. What was written is good only once the
 * promise is fulfilled: the target's digest is known last. A bad patch or base rejects with
 * DeltaError; errors of the patch's source, of `base.read`, `write` and `onBlock` pass through.
 */
export async function applyDelta(options: ApplyOptions): Promise<ApplyResult> {
  const reader = new PatchReader(options.patch);
  try {
    const header = readDeltaHeader(await reader.takeUpTo(HEADER_SIZE_BYTES));
    checkLimits(header, options);
    await verifyBase(options.base, header);
    const hash = (options.startAtBytes ?? 0) === 0 ? createHash('sha256') : null;
    await writeTarget(header, reader, options, hash);
    const sha256 = hash?.digest('hex') ?? null;
    if (sha256 !== null && shortDigest(sha256) !== header.targetDigest) {
      throw new DeltaError('target_mismatch', `made ${sha256}, not ${header.targetDigest}…`);
    }
    return { sha256, sizeBytes: header.targetSizeBytes };
  } finally {
    await reader.close();
  }
}

function checkLimits(header: DeltaHeader, { limits, startAtBytes = 0 }: ApplyOptions): void {
  const most = limits?.maxTargetSizeBytes ?? DEFAULT_MAX_TARGET_BYTES;
  if (header.targetSizeBytes > most) {
    throw new DeltaError(
      'too_large',
      `the target has ${header.targetSizeBytes} bytes, the limit is ${most}`,
    );
  }
  if (!Number.isInteger(startAtBytes) || startAtBytes < 0) {
    throw new RangeError(`cannot resume at ${startAtBytes} bytes`);
  }
  // Where to resume came of a patch as well, perhaps another one.
  const isEnd = startAtBytes === header.targetSizeBytes;
  const isBlock = startAtBytes % 2 ** header.blockBits === 0;
  if (startAtBytes > header.targetSizeBytes || (!isBlock && !isEnd)) {
    throw new DeltaError('corrupt', `no block starts at ${startAtBytes}`);
  }
}

async function verifyBase(base: RandomAccessBase, header: DeltaHeader): Promise<void> {
  if (base.sizeBytes !== header.baseSizeBytes) {
    throw new DeltaError(
      'base_mismatch',
      `the patch needs a base of ${header.baseSizeBytes} bytes, this one has ${base.sizeBytes}`,
    );
  }
  const hash = createHash('sha256');
  for (let at = 0; at < base.sizeBytes; at += HASH_CHUNK_BYTES) {
    hash.update(await readExactly(base, at, Math.min(HASH_CHUNK_BYTES, base.sizeBytes - at)));
  }
  const digest = shortDigest(hash.digest('hex'));
  if (digest !== header.baseDigest) {
    throw new DeltaError(
      'base_mismatch',
      `the patch needs base ${header.baseDigest}…, not ${digest}…`,
    );
  }
}

async function writeTarget(
  header: DeltaHeader,
  reader: PatchReader,
  options: ApplyOptions,
  hash: Hash | null,
): Promise<void> {
  const pages = new BasePages(options.base);
  const decoders = new Decoders({ pages, tableBits: header.tableBits });
  const write: WriteTarget = async (chunk) => {
    hash?.update(chunk);
    await options.write(chunk);
  };
  const startAt = options.startAtBytes ?? 0;
  const blockBytes = 2 ** header.blockBits;
  for (let at = 0; at < header.targetSizeBytes; at += blockBytes) {
    const head = readBlockHeader(await reader.take(BLOCK_HEADER_BYTES), header.blockBits);
    const sizeBytes = Math.min(blockBytes, header.targetSizeBytes - at);
    if (at < startAt) {
      await reader.skip(head.payloadBytes);
      continue;
    }
    const end = reader.offset + head.payloadBytes;
    pages.look(baseView(header.baseSizeBytes, at));
    await decoders.of(head.method).decode(reader, sizeBytes, write);
    if (reader.offset !== end) {
      throw new DeltaError('corrupt', 'a block is not as long as it says');
    }
    await options.onBlock?.(at + sizeBytes);
  }
  await reader.expectEnd();
}

/** Made when first needed: a patch of the fast method alone takes no tables. */
class Decoders {
  readonly #context: DecoderContext;
  #mixing: BlockDecoder | null = null;
  #streams: BlockDecoder | null = null;

  constructor(context: DecoderContext) {
    this.#context = context;
  }

  of(method: number): BlockDecoder {
    if (method === METHOD_STREAMS) return (this.#streams ??= new StreamDecoder(this.#context));
    return (this.#mixing ??= new MixingDecoder(this.#context));
  }
}
