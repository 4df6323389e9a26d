import { CopyModel } from './copy-model.ts';
import type { Edit } from './edit-script.ts';
import { LiteralModel } from './literal-model.ts';
import { NumberModel } from './number-model.ts';
import type { RawLiterals } from './raw-literals.ts';
import type { BitCoder } from './range-coder.ts';
import { TargetHistory } from './target-history.ts';

const KIND_COPY = 0;
const KIND_LITERAL = 1;
const KIND_JUMP = 2;
const KIND_DISTANCE = 3;
const KINDS = 4;

const JUMP_NONE = 0;
/** The literals replaced as many bytes of base. */
const JUMP_REPLACED = 1;
const JUMP_AHEAD = 2;
const JUMP_BACK = 3;

const MAX_NUMBER_TABLE_BITS = 16;

/** Everything encoder and decoder must learn alike, from the first byte of a block to the last. */
export class EditModel {
  readonly #numbers: NumberModel;
  readonly #copies: CopyModel;
  readonly #literals: LiteralModel;
  #history = new TargetHistory();
  /** Where the base would go on after the last edit. */
  #baseNext = 0;
  #lastLiteral = 0;

  constructor(tableBits: number) {
    this.#numbers = new NumberModel(KINDS, Math.min(tableBits, MAX_NUMBER_TABLE_BITS));
    this.#copies = new CopyModel(tableBits);
    this.#literals = new LiteralModel(tableBits);
  }

  /**
   * Forgets all, for a new block. The caller fills the bytes returned with the base's from
   * `baseFrom` on, then calls `start`.
   */
  reset(baseFrom: number, historyBytes: number): Uint8Array {
    this.#numbers.reset();
    this.#copies.reset();
    this.#literals.reset();
    this.#history = new TargetHistory();
    this.#baseNext = 0;
    this.#lastLiteral = 0;
    return this.#literals.seen.reset(baseFrom, historyBytes);
  }

  /** Model slots read and moved since `reset`. */
  get work(): number {
    return this.#numbers.work + this.#copies.work + this.#literals.work;
  }

  start(): void {
    this.#literals.seen.start();
  }

  codeEdit(coder: BitCoder, edit: Edit): Edit {
    const lastBytes = this.#history.last4 & 0xffff;
    const literalClass = 32 - Math.clz32(this.#lastLiteral);
    const distance = edit.baseOffset - this.#baseNext;
    const jump = this.#numbers.code(
      coder,
      KIND_JUMP,
      jumpOf(distance, this.#lastLiteral),
      literalClass,
      lastBytes,
    );
    let baseOffset = this.#baseNext;
    if (jump === JUMP_REPLACED) baseOffset += this.#lastLiteral;
    if (jump >= JUMP_AHEAD) {
      const far = this.#numbers.code(
        coder,
        KIND_DISTANCE,
        Math.abs(distance),
        jump,
        this.#lastLiteral,
      );
      baseOffset += jump === JUMP_AHEAD ? far : -far;
    }
    const copyLength = this.#numbers.code(coder, KIND_COPY, edit.copyLength, jump, lastBytes);
    const copyClass = 32 - Math.clz32(copyLength);
    const literalLength = this.#numbers.code(
      coder,
      KIND_LITERAL,
      edit.literalLength,
      copyClass,
      jump,
    );
    this.#baseNext = baseOffset + copyLength;
    this.#lastLiteral = literalLength;
    return { baseOffset, copyLength, literalLength };
  }

  /**
   * Reads (encoding) or fills (decoding) the edit's target bytes from `start` on. With `raw` the
   * literals are not coded but taken from it.
   */
  codeBytes(
    coder: BitCoder,
    edit: Edit,
    window: Uint8Array,
    target: Uint8Array,
    start: number,
    raw: RawLiterals | null,
  ): void {
    this.#copies.code(coder, window, target, start, edit.copyLength, this.#history);
    const from = start + edit.copyLength;
    if (raw !== null) {
      target.set(raw.take(edit.literalLength), from);
      this.#history.pass(target, from, edit.literalLength);
    } else if (edit.literalLength > 0) {
      this.#literals.code(coder, edit, window, target, from, this.#history);
    }
  }
}

function jumpOf(distance: number, lastLiteral: number): number {
  if (distance === 0) return JUMP_NONE;
  if (distance === lastLiteral) return JUMP_REPLACED;
  return distance > 0 ? JUMP_AHEAD : JUMP_BACK;
}
