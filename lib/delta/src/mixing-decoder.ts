import { setImmediate } from 'node:timers/promises';
import { crc32 } from 'node:zlib';
import { BASE_MARGIN, MAX_AHEAD, windowRange } from './base-window.ts';
import type { BlockDecoder, DecoderContext, WriteTarget } from './block-codec.ts';
import { checkEdit } from './check-edit.ts';
import { DeltaError } from './delta-error.ts';
import { EditModel } from './edit-model.ts';
import type { Edit } from './edit-script.ts';
import {
  FRAME_HEADER_BYTES,
  readFrameHeader,
  PIECE_SIZE_BYTES,
  RAW_SIZE_BYTES,
  readHistory,
  readRawSize,
} from './mixing-frame.ts';
import type { PatchReader } from './patch-reader.ts';
import { RawLiterals } from './raw-literals.ts';
import { BitDecoder } from './range-coder.ts';

const NO_EDIT: Edit = { baseOffset: 0, copyLength: 0, literalLength: 0 };

interface Frame {
  readonly pieces: number;
  readonly coded: Uint8Array;
  readonly raw: Uint8Array;
}

/** Holds the models' tables, a piece of base, one frame, one piece of target and its window of base. */
export class MixingDecoder implements BlockDecoder {
  readonly #context: DecoderContext;
  readonly #model: EditModel;
  readonly #coder = new BitDecoder();
  readonly #window = new Uint8Array(BASE_MARGIN + PIECE_SIZE_BYTES + MAX_AHEAD);

  constructor(context: DecoderContext) {
    this.#context = context;
    this.#model = new EditModel(context.tableBits);
  }

  async decode(reader: PatchReader, sizeBytes: number, write: WriteTarget): Promise<void> {
    const { pages } = this.#context;
    const range = await readHistory((length) => reader.take(length), pages.sizeBytes);
    const history = this.#model.reset(range.baseOffset, range.length);
    await pages.fill(history, range.baseOffset);
    this.#model.start();
    for (let left = sizeBytes; left > 0;) {
      const frame = await readFrame(reader);
      const literals = frame.raw.length > 0 ? new RawLiterals(frame.raw) : null;
      this.#coder.start(frame.coded);
      for (let piece = 0; piece < frame.pieces; piece++) {
        if (left === 0) throw new DeltaError('corrupt', 'a frame has more pieces than its block');
        const target = await this.#decodePiece(Math.min(left, PIECE_SIZE_BYTES), literals);
        left -= target.length;
        await write(target);
        // Decoding keeps the CPU busy for up to a second a piece: let timers and sockets have a turn.
        await setImmediate();
      }
      this.#coder.finish();
      literals?.finish();
    }
  }

  async #decodePiece(sizeBytes: number, literals: RawLiterals | null): Promise<Uint8Array> {
    const target = new Uint8Array(sizeBytes);
    for (let at = 0; at < sizeBytes;) {
      const edit = this.#model.codeEdit(this.#coder, NO_EDIT);
      checkEdit(edit, sizeBytes - at, this.#context.pages.sizeBytes);
      const range = windowRange(edit.baseOffset, edit.copyLength, edit.literalLength);
      // A copy is no longer than its piece, so the window fits.
      const window = this.#window.subarray(0, range.length);
      await this.#context.pages.fill(window, range.from);
      this.#model.codeBytes(this.#coder, edit, window, target, at, literals);
      at += edit.copyLength + edit.literalLength;
    }
    return target;
  }
}

async function readFrame(reader: PatchReader): Promise<Frame> {
  const head = readFrameHeader(await reader.take(FRAME_HEADER_BYTES));
  const rawSize = head.hasRaw ? await reader.take(RAW_SIZE_BYTES) : new Uint8Array(0);
  const rawBytes = head.hasRaw ? readRawSize(rawSize) : 0;
  const bytes = await reader.take(head.codedBytes + rawBytes);
  if (crc32(bytes, crc32(rawSize)) !== head.crc32) {
    throw new DeltaError('corrupt', 'a frame fails its checksum');
  }
  const coded = bytes.subarray(0, head.codedBytes);
  return { pieces: head.pieces, coded, raw: bytes.subarray(head.codedBytes) };
}
