import type { Edit } from './edit-script.ts';
import type { ImageSource } from './image-source.ts';

export const SEGMENT_BYTES = 64 * 1024;

interface Piece {
  readonly localOffset: number;
  readonly baseOffset: number;
  readonly length: number;
}

/** Some segments of a base, put together as if they were an image, small enough for a suffix array. */
export class LocalBase {
  readonly bytes: Uint8Array;
  readonly #pieces: Piece[] = [];

  constructor(base: ImageSource, segments: Iterable<number>) {
    let size = 0;
    for (const segment of [...segments].sort((a, b) => a - b)) {
      const baseOffset = segment * SEGMENT_BYTES;
      const length = Math.min(SEGMENT_BYTES, base.sizeBytes - baseOffset);
      const last = this.#pieces.at(-1);
      if (last !== undefined && last.baseOffset + last.length === baseOffset) {
        this.#pieces[this.#pieces.length - 1] = { ...last, length: last.length + length };
      } else {
        this.#pieces.push({ localOffset: size, baseOffset, length });
      }
      size += length;
    }
    this.bytes = new Uint8Array(size);
    for (const { localOffset, baseOffset, length } of this.#pieces) {
      this.bytes.set(base.read(baseOffset, length), localOffset);
    }
  }

  /** Place of a base offset in `bytes`, 0 if its segment is not held. */
  toLocal(baseOffset: number): number {
    const piece = this.#pieces.find(
      (p) => baseOffset >= p.baseOffset && baseOffset <= p.baseOffset + p.length,
    );
    return piece === undefined ? 0 : piece.localOffset + baseOffset - piece.baseOffset;
  }

  /** The edit in terms of the base; one copy that runs on into another piece becomes two. */
  *toBase(edit: Edit): Generator<Edit> {
    let { baseOffset: local, copyLength } = edit;
    let i = this.#pieceOf(local);
    for (;;) {
      const piece = this.#pieces[i];
      if (piece === undefined) {
        yield { baseOffset: 0, copyLength: 0, literalLength: edit.literalLength };
        return;
      }
      const room = piece.localOffset + piece.length - local;
      const baseOffset = piece.baseOffset + local - piece.localOffset;
      if (copyLength <= room) {
        yield { baseOffset, copyLength, literalLength: edit.literalLength };
        return;
      }
      yield { baseOffset, copyLength: room, literalLength: 0 };
      copyLength -= room;
      local += room;
      i++;
    }
  }

  #pieceOf(local: number): number {
    let low = 0;
    let high = this.#pieces.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if ((this.#pieces[middle] as Piece).localOffset <= local) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}
