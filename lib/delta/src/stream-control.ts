import { checkEdit } from './check-edit.ts';
import { DeltaError } from './delta-error.ts';
import type { Edit } from './edit-script.ts';

/**
 * Edits as LEB128 numbers: the jump from where the base would go on, zigzag; copyLength;
 * literalLength.
 */
export function writeControl(edits: readonly Edit[]): Uint8Array {
  const bytes: number[] = [];
  let next = 0;
  for (const { baseOffset, copyLength, literalLength } of edits) {
    const jump = baseOffset - next;
    pushVarint(bytes, jump >= 0 ? jump * 2 : -jump * 2 - 1);
    pushVarint(bytes, copyLength);
    pushVarint(bytes, literalLength);
    next = baseOffset + copyLength;
  }
  return Uint8Array.from(bytes);
}

/** Checked edits that make exactly `sizeBytes`. Throws DeltaError 'corrupt'. */
export function* readControl(
  bytes: Uint8Array,
  sizeBytes: number,
  baseSizeBytes: number,
): Generator<Edit> {
  const reader = new VarintReader(bytes);
  let next = 0;
  let room = sizeBytes;
  while (room > 0) {
    const zigzag = reader.next();
    const jump = zigzag % 2 === 0 ? zigzag / 2 : -(zigzag + 1) / 2;
    const edit: Edit = {
      baseOffset: next + jump,
      copyLength: reader.next(),
      literalLength: reader.next(),
    };
    checkEdit(edit, room, baseSizeBytes);
    next = edit.baseOffset + edit.copyLength;
    room -= edit.copyLength + edit.literalLength;
    yield edit;
  }
  if (!reader.isAtEnd) throw new DeltaError('corrupt', 'a frame has edits left over');
}

function pushVarint(bytes: number[], value: number): void {
  let rest = value;
  while (rest > 127) {
    bytes.push((rest % 128) + 128);
    rest = Math.floor(rest / 128);
  }
  bytes.push(rest);
}

class VarintReader {
  #at = 0;
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  /** At most 35 bits. */
  next(): number {
    let value = 0;
    let scale = 1;
    for (let i = 0; i < 5; i++) {
      const byte = this.#bytes[this.#at++];
      if (byte === undefined) throw new DeltaError('corrupt', 'a frame has too few edits');
      value += (byte % 128) * scale;
      if (byte < 128) return value;
      scale *= 128;
    }
    throw new DeltaError('corrupt', 'a number has too many bytes');
  }
}
