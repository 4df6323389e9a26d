import { createHash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { crc32 } from 'node:zlib';
import { BasePages, readExactly } from './base-pages.ts';
import { BASE_MARGIN, MAX_AHEAD, windowRange } from './base-window.ts';
import { DeltaError } from './delta-error.ts';
import { EditModel } from './edit-model.ts';
import type { Edit } from './edit-script.ts';
import {
  BLOCK_HEADER_BYTES,
  BLOCK_SIZE_BYTES,
  HEADER_SIZE_BYTES,
  readBlockHeader,
  readDeltaHeader,
  type DeltaHeader,
} from './patch-format.ts';
import { PatchReader } from './patch-reader.ts';
import type { RandomAccessBase } from './random-access-base.ts';
import { RawLiterals } from './raw-literals.ts';
import { BitDecoder } from './range-coder.ts';

const HASH_CHUNK_BYTES = 256 * 1024;
const DEFAULT_MAX_TARGET_BYTES = 1024 ** 3;
const NO_EDIT: Edit = { baseOffset: 0, copyLength: 0, literalLength: 0 };

export interface ApplyLimits {
  /** Largest target accepted, in bytes; default 1 GiB. */
  readonly maxTargetSizeBytes?: number;
}

export interface ApplyOptions {
  readonly base: RandomAccessBase;
  readonly patch: AsyncIterable<Uint8Array>;
  /** Called in order, never twice at a time, with at most 256 KiB that are the callee's to keep. */
  readonly write: (chunk: Uint8Array) => Promise<void>;
  readonly limits?: ApplyLimits;
}

export interface ApplyResult {
  /** Of the target, in lower-case hex. */
  readonly sha256: string;
  readonly sizeBytes: number;
}

/**
 * Streams the target out. Memory does not depend on the images: the models' tables (at most
 * 48 MiB, as the header says; 24 MiB at the encoder's default) and about 4 MiB of buffers.
 *
 * The base's hash is checked before the first write. What was written is good only once the promise
 * is fulfilled: the target's hash is known last. A bad patch or base rejects with DeltaError; errors
 * of the patch's source, of `base.read` and of `write` pass through.
 */
export async function applyDelta(options: ApplyOptions): Promise<ApplyResult> {
  const reader = new PatchReader(options.patch);
  try {
    const header = readDeltaHeader(await reader.takeUpTo(HEADER_SIZE_BYTES));
    checkLimits(header, options.limits);
    await verifyBase(options.base, header);
    const sha256 = await writeTarget(header, reader, options);
    return { sha256, sizeBytes: header.targetSizeBytes };
  } finally {
    await reader.close();
  }
}

function checkLimits(header: DeltaHeader, limits: ApplyLimits = {}): void {
  const most = limits.maxTargetSizeBytes ?? DEFAULT_MAX_TARGET_BYTES;
  if (header.targetSizeBytes > most) {
    throw new DeltaError(
      'too_large',
      `the target has ${header.targetSizeBytes} bytes, the limit is ${most}`,
    );
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
  const sha256 = hash.digest('hex');
  if (sha256 !== header.baseSha256) {
    throw new DeltaError(
      'base_mismatch',
      `the patch needs base ${header.baseSha256}, not ${sha256}`,
    );
  }
}

async function writeTarget(
  header: DeltaHeader,
  reader: PatchReader,
  options: ApplyOptions,
): Promise<string> {
  const decoder = new BlockDecoder(header, options.base);
  const hash = createHash('sha256');
  let left = header.targetSizeBytes;
  while (left > 0) {
    const block = await decoder.decode(await readBlock(reader), Math.min(left, BLOCK_SIZE_BYTES));
    hash.update(block);
    await options.write(block);
    left -= block.length;
    // Decoding keeps the CPU busy for up to a second a block: let timers and sockets have a turn.
    await setImmediate();
  }
  await reader.expectEnd();
  const sha256 = hash.digest('hex');
  if (sha256 !== header.targetSha256) {
    throw new DeltaError('target_mismatch', `made ${sha256} instead of ${header.targetSha256}`);
  }
  return sha256;
}

interface Block {
  readonly coded: Uint8Array;
  readonly raw: Uint8Array;
}

async function readBlock(reader: PatchReader): Promise<Block> {
  const head = readBlockHeader(await reader.take(BLOCK_HEADER_BYTES));
  const bytes = await reader.take(head.codedBytes + head.rawBytes);
  if (crc32(bytes) !== head.crc32) {
    throw new DeltaError('corrupt', 'a block fails its checksum');
  }
  return { coded: bytes.subarray(0, head.codedBytes), raw: bytes.subarray(head.codedBytes) };
}

class BlockDecoder {
  readonly #baseSizeBytes: number;
  readonly #pages: BasePages;
  readonly #model: EditModel;
  readonly #coder = new BitDecoder();
  readonly #window = new Uint8Array(BASE_MARGIN + BLOCK_SIZE_BYTES + MAX_AHEAD);

  constructor(header: DeltaHeader, base: RandomAccessBase) {
    this.#baseSizeBytes = header.baseSizeBytes;
    this.#pages = new BasePages(base);
    this.#model = new EditModel(header.tableBits);
  }

  async decode({ coded, raw }: Block, sizeBytes: number): Promise<Uint8Array> {
    const block = new Uint8Array(sizeBytes);
    const literals = raw.length > 0 ? new RawLiterals(raw) : null;
    this.#coder.start(coded);
    let at = 0;
    while (at < sizeBytes) {
      const edit = this.#model.codeEdit(this.#coder, NO_EDIT);
      this.#check(edit, sizeBytes - at);
      const range = windowRange(edit.baseOffset, edit.copyLength, edit.literalLength);
      // A copy is no longer than its block, so the window fits.
      const window = this.#window.subarray(0, range.length);
      await this.#pages.fill(window, range.from);
      this.#model.codeBytes(this.#coder, edit, window, block, at, literals);
      at += edit.copyLength + edit.literalLength;
    }
    this.#coder.finish();
    literals?.finish();
    return block;
  }

  /** Only a forged patch with right checksums gets here; it must not read or write out of bounds. */
  #check(edit: Edit, room: number): void {
    const { baseOffset, copyLength, literalLength } = edit;
    const made = copyLength + literalLength;
    if (made === 0 || made > room) {
      throw new DeltaError('corrupt', `an edit makes ${made} bytes where 1 to ${room} fit`);
    }
    if (baseOffset < 0 || baseOffset + copyLength > this.#baseSizeBytes) {
      throw new DeltaError('corrupt', 'an edit copies from outside the base');
    }
  }
}
