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
  FRAME_SIZE_BYTES,
  HISTORY_HEADER_BYTES,
  readFrameHeader,
  readHistoryRange,
} from './mixing-frame.ts';
import type { PatchReader } from './patch-reader.ts';
import { RawLiterals } from './raw-literals.ts';
import { BitDecoder } from './range-coder.ts';

const NO_EDIT: Edit = { baseOffset: 0, copyLength: 0, literalLength: 0 };

interface Frame {
  readonly coded: Uint8Array;
  readonly raw: Uint8Array;
}

/** Holds the models' tables, a piece of base, one frame and one window of base. */
export class MixingDecoder implements BlockDecoder {
  readonly #context: DecoderContext;
  readonly #model: EditModel;
  readonly #coder = new BitDecoder();
  readonly #window = new Uint8Array(BASE_MARGIN + FRAME_SIZE_BYTES + MAX_AHEAD);

  constructor(context: DecoderContext) {
    this.#context = context;
    this.#model = new EditModel(context.tableBits);
  }

  async decode(reader: PatchReader, sizeBytes: number, write: WriteTarget): Promise<void> {
    const { baseSizeBytes, pages } = this.#context;
    const range = readHistoryRange(await reader.take(HISTORY_HEADER_BYTES), baseSizeBytes);
    const history = this.#model.reset(range.baseOffset, range.length);
    await pages.fill(history, range.baseOffset);
    this.#model.start();
    for (let left = sizeBytes; left > 0;) {
      const frame = await readFrame(reader);
      const target = await this.#decodeFrame(frame, Math.min(left, FRAME_SIZE_BYTES));
      left -= target.length;
      await write(target);
      // Decoding keeps the CPU busy for up to a second a frame: let timers and sockets have a turn.
      await setImmediate();
    }
  }

  async #decodeFrame({ coded, raw }: Frame, sizeBytes: number): Promise<Uint8Array> {
    const target = new Uint8Array(sizeBytes);
    const literals = raw.length > 0 ? new RawLiterals(raw) : null;
    this.#coder.start(coded);
    for (let at = 0; at < sizeBytes;) {
      const edit = this.#model.codeEdit(this.#coder, NO_EDIT);
      checkEdit(edit, sizeBytes - at, this.#context.baseSizeBytes);
      const range = windowRange(edit.baseOffset, edit.copyLength, edit.literalLength);
      // A copy is no longer than its frame, so the window fits.
      const window = this.#window.subarray(0, range.length);
      await this.#context.pages.fill(window, range.from);
      this.#model.codeBytes(this.#coder, edit, window, target, at, literals);
      at += edit.copyLength + edit.literalLength;
    }
    this.#coder.finish();
    literals?.finish();
    return target;
  }
}

async function readFrame(reader: PatchReader): Promise<Frame> {
  const head = readFrameHeader(await reader.take(FRAME_HEADER_BYTES));
  const bytes = await reader.take(head.codedBytes + head.rawBytes);
  if (crc32(bytes) !== head.crc32) throw new DeltaError('corrupt', 'a frame fails its checksum');
  return { coded: bytes.subarray(0, head.codedBytes), raw: bytes.subarray(head.codedBytes) };
}
