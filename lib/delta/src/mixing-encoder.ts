import { windowRange } from './base-window.ts';
import type { BlockEncoder, BlockInput, CodedBlock } from './block-codec.ts';
import { EditModel } from './edit-model.ts';
import type { Edit } from './edit-script.ts';
import type { ImageSource } from './image-source.ts';
import {
  FULL_FRAME_BYTES,
  MAX_HISTORY_BYTES,
  PIECE_SIZE_BYTES,
  writeFrame,
  writeHistory,
  type HistoryRange,
} from './mixing-frame.ts';
import { METHOD_MIXING } from './patch-format.ts';
import { isIncompressible, RawLiterals } from './raw-literals.ts';
import { BitEncoder } from './range-coder.ts';
import { literalsOf, splitEdits } from './split-edits.ts';

/** Fewer literals than this in a block are not worth reading a history for. */
const MIN_LITERALS_FOR_HISTORY = 64;
const NOTHING = new Uint8Array(0);

/** The dense method: predicts each bit from both images, and codes it by its chance. */
export class MixingEncoder implements BlockEncoder {
  readonly #model: EditModel;
  readonly #coder = new BitEncoder();

  constructor(tableBits: number) {
    this.#model = new EditModel(tableBits);
  }

  encode({ base, target, edits }: BlockInput): CodedBlock {
    const history = chooseHistory(base, edits);
    const { baseOffset, length } = history;
    this.#model.reset(baseOffset, length).set(base.read(baseOffset, length));
    this.#model.start();
    const parts = [writeHistory(history, base.sizeBytes)];
    let pieces = 0;
    const closeFrame = (raw: Uint8Array): void => {
      if (pieces > 0) parts.push(writeFrame(pieces, this.#coder.finish(), raw));
      pieces = 0;
    };
    let at = 0;
    for (const piece of splitEdits(edits, PIECE_SIZE_BYTES)) {
      const bytes = target.subarray(at, at + PIECE_SIZE_BYTES);
      const literals = literalsOf(piece, bytes);
      const isRaw = isIncompressible(literals);
      if (isRaw) closeFrame(NOTHING);
      this.#encodePiece(base, bytes, piece, isRaw ? new RawLiterals(literals) : null);
      pieces++;
      if (isRaw || this.#coder.sizeBytes >= FULL_FRAME_BYTES)
        closeFrame(isRaw ? literals : NOTHING);
      at += bytes.length;
    }
    closeFrame(NOTHING);
    return { method: METHOD_MIXING, payload: Buffer.concat(parts), work: this.#model.work };
  }

  #encodePiece(
    base: ImageSource,
    target: Uint8Array,
    edits: readonly Edit[],
    raw: RawLiterals | null,
  ): void {
    let at = 0;
    for (const edit of edits) {
      this.#model.codeEdit(this.#coder, edit);
      this.#model.codeBytes(this.#coder, edit, cutWindow(base, edit), target, at, raw);
      at += edit.copyLength + edit.literalLength;
    }
  }
}

/** The whole base if it is small; else the piece of it around the middle one of the literals. */
function chooseHistory(base: ImageSource, edits: readonly Edit[]): HistoryRange {
  const literals = edits.reduce((sum, edit) => sum + edit.literalLength, 0);
  if (literals < MIN_LITERALS_FOR_HISTORY) return { baseOffset: 0, length: 0 };
  if (base.sizeBytes <= MAX_HISTORY_BYTES) return { baseOffset: 0, length: base.sizeBytes };
  const byPlace = edits.toSorted((a, b) => a.baseOffset - b.baseOffset);
  let left = literals / 2;
  const middle = byPlace.find((edit) => (left -= edit.literalLength) <= 0)?.baseOffset ?? 0;
  const latest = base.sizeBytes - MAX_HISTORY_BYTES;
  const baseOffset = Math.max(0, Math.min(middle - MAX_HISTORY_BYTES / 2, latest));
  return { baseOffset, length: MAX_HISTORY_BYTES };
}

function cutWindow(base: ImageSource, edit: Edit): Uint8Array {
  const { from, length } = windowRange(edit.baseOffset, edit.copyLength, edit.literalLength);
  const window = new Uint8Array(length);
  const first = Math.max(from, 0);
  const end = Math.min(from + length, base.sizeBytes);
  if (end > first) window.set(base.read(first, end - first), first - from);
  return window;
}
