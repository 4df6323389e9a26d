import { createHash } from 'node:crypto';
import { windowRange } from './base-window.ts';
import { DeltaError } from './delta-error.ts';
import { EditModel } from './edit-model.ts';
import { findEdits, type Edit } from './edit-script.ts';
import {
  BLOCK_SIZE_BYTES,
  MAX_IMAGE_BYTES,
  MAX_TABLE_BITS,
  MIN_TABLE_BITS,
  writeBlock,
  writeHeader,
} from './patch-format.ts';
import { isIncompressible, RawLiterals } from './raw-literals.ts';
import { BitEncoder } from './range-coder.ts';
import { buildSuffixArray } from './suffix-array.ts';

/** See `findEdits`; both were found by trying. */
const FAR_GAIN_CODE = 14;
const FAR_GAIN_TEXT = 32;

export interface CreateDeltaOptions {
  /**
   * Cap on the models' size (12 to 19): applying needs about 96 bytes times 2 to this power.
   * Default 18.
   */
  readonly maxTableBits?: number;
}

/**
 * A patch that turns `base` into `target`. Synchronous and CPU heavy (seconds per 10 MB): run it in
 * a worker thread. Peak memory is about 14 bytes per byte of base and 50 MiB more. Throws DeltaError 'too_large'
 * for an image over 2 GiB.
 */
export function createDelta(
  base: Uint8Array,
  target: Uint8Array,
  options: CreateDeltaOptions = {},
): Uint8Array {
  if (base.length > MAX_IMAGE_BYTES || target.length > MAX_IMAGE_BYTES) {
    throw new DeltaError('too_large', `an image exceeds ${MAX_IMAGE_BYTES} bytes`);
  }
  const maxTableBits = options.maxTableBits ?? 18;
  let smallest: Uint8Array[] | null = null;
  for (const edits of candidates(base, target)) {
    const tableBits = chooseTableBits(base, target, edits, maxTableBits);
    const header = writeHeader({
      tableBits,
      baseSizeBytes: base.length,
      baseSha256: sha256(base),
      targetSizeBytes: target.length,
      targetSha256: sha256(target),
    });
    const parts = [header, ...encodeBlocks(base, target, edits, tableBits)];
    if (smallest === null || sizeOf(parts) < sizeOf(smallest)) smallest = parts;
  }
  return Buffer.concat(smallest ?? []);
}

function sizeOf(parts: readonly Uint8Array[]): number {
  return parts.reduce((sum, part) => sum + part.length, 0);
}

/** Edit scripts worth encoding, at least one: which is smallest is only known afterwards. */
function* candidates(base: Uint8Array, target: Uint8Array): Generator<readonly Edit[]> {
  const trivial = trivialEdits(base, target);
  if (trivial !== null) {
    yield trivial;
    return;
  }
  const order = buildSuffixArray(base);
  const forCode = [...findEdits(base, order, target, FAR_GAIN_CODE)];
  yield forCode;
  const forText = [...findEdits(base, order, target, FAR_GAIN_TEXT)];
  if (forText.length !== forCode.length) yield forText;
}

function trivialEdits(base: Uint8Array, target: Uint8Array): readonly Edit[] | null {
  if (target.length === 0) return [];
  if (Buffer.compare(base, target) === 0) {
    return [{ baseOffset: 0, copyLength: target.length, literalLength: 0 }];
  }
  if (base.length === 0) {
    return [{ baseOffset: 0, copyLength: 0, literalLength: target.length }];
  }
  return null;
}

/** Enough slots for the bytes that are news; a small patch asks little memory of a device. */
function chooseTableBits(
  base: Uint8Array,
  target: Uint8Array,
  edits: readonly Edit[],
  maxTableBits: number,
): number {
  let news = 0;
  let at = 0;
  for (const edit of edits) {
    for (let i = 0; i < edit.copyLength; i++) {
      if (base[edit.baseOffset + i] !== target[at + i]) news++;
    }
    news += edit.literalLength;
    at += edit.copyLength + edit.literalLength;
  }
  const wanted = 5 + Math.ceil(Math.log2(news + 1));
  return Math.max(MIN_TABLE_BITS, Math.min(wanted, maxTableBits, MAX_TABLE_BITS));
}

function encodeBlocks(
  base: Uint8Array,
  target: Uint8Array,
  edits: readonly Edit[],
  tableBits: number,
): Uint8Array[] {
  const model = new EditModel(tableBits);
  const coder = new BitEncoder();
  let at = 0;
  return [...groupIntoBlocks(edits)].map((block) => {
    const literals = literalsOf(block, target, at);
    const rawBytes = isIncompressible(literals) ? literals : new Uint8Array(0);
    const raw = rawBytes.length > 0 ? new RawLiterals(rawBytes) : null;
    for (const edit of block) {
      model.codeEdit(coder, edit);
      const window = cutWindow(base, edit);
      model.codeBytes(coder, edit, window, target, at, raw);
      at += edit.copyLength + edit.literalLength;
    }
    return writeBlock(coder.finish(), rawBytes);
  });
}

function cutWindow(base: Uint8Array, edit: Edit): Uint8Array {
  const { from, length } = windowRange(edit.baseOffset, edit.copyLength, edit.literalLength);
  const window = new Uint8Array(length);
  const first = Math.max(from, 0);
  window.set(base.subarray(first, from + length), first - from);
  return window;
}

function literalsOf(block: readonly Edit[], target: Uint8Array, start: number): Uint8Array {
  const parts: Uint8Array[] = [];
  let at = start;
  for (const { copyLength, literalLength } of block) {
    at += copyLength + literalLength;
    parts.push(target.subarray(at - literalLength, at));
  }
  return Buffer.concat(parts);
}

/** An edit that crosses a block's end goes on in the next block as one of its own. */
function* groupIntoBlocks(edits: readonly Edit[]): Generator<Edit[]> {
  let block: Edit[] = [];
  let room = BLOCK_SIZE_BYTES;
  for (const edit of edits) {
    let { baseOffset, copyLength, literalLength } = edit;
    while (copyLength + literalLength > 0) {
      const copied = Math.min(copyLength, room);
      const literal = Math.min(literalLength, room - copied);
      block.push({ baseOffset, copyLength: copied, literalLength: literal });
      baseOffset += copied;
      copyLength -= copied;
      literalLength -= literal;
      room -= copied + literal;
      if (room === 0) {
        yield block;
        block = [];
        room = BLOCK_SIZE_BYTES;
      }
    }
  }
  if (block.length > 0) yield block;
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
