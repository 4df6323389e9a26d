import { setImmediate } from 'node:timers/promises';
import { crc32 } from 'node:zlib';
import type { BlockDecoder, DecoderContext, WriteTarget } from './block-codec.ts';
import { DeltaError } from './delta-error.ts';
import type { Edit } from './edit-script.ts';
import type { PatchReader } from './patch-reader.ts';
import { readControl } from './stream-control.ts';
import {
  decompress,
  readStreamHeader,
  STREAM_FRAME_BYTES,
  STREAM_HEADER_BYTES,
} from './stream-frame.ts';

/** Holds one frame's target, differences, literals and dictionary: 8 MiB and zstd's window. */
export class StreamDecoder implements BlockDecoder {
  readonly #context: DecoderContext;

  constructor(context: DecoderContext) {
    this.#context = context;
  }

  async decode(reader: PatchReader, sizeBytes: number, write: WriteTarget): Promise<void> {
    for (let left = sizeBytes; left > 0;) {
      const target = await this.#decodeFrame(reader, Math.min(left, STREAM_FRAME_BYTES));
      left -= target.length;
      await write(target);
      await setImmediate();
    }
  }

  async #decodeFrame(reader: PatchReader, sizeBytes: number): Promise<Uint8Array> {
    const { pages } = this.#context;
    const head = readStreamHeader(await reader.take(STREAM_HEADER_BYTES), pages.sizeBytes);
    const literalsAt = head.controlBytes + head.differenceBytes;
    const body = await reader.take(literalsAt + head.literalBytes);
    if (crc32(body) !== head.crc32) throw new DeltaError('corrupt', 'a frame fails its checksum');
    const control = decompress(body.subarray(0, head.controlBytes), head.controlRawBytes);
    // Read twice, not kept: millions of edits of one byte would be a bomb.
    const edits = () => readControl(control, sizeBytes, pages.sizeBytes);
    let copied = 0;
    for (const edit of edits()) copied += edit.copyLength;
    const differences = decompress(body.subarray(head.controlBytes, literalsAt), copied);
    const dictionary = new Uint8Array(head.dictionaryBytes);
    await pages.fill(dictionary, head.dictionaryOffset);
    const literals = decompress(body.subarray(literalsAt), sizeBytes - copied, dictionary);
    return this.#compose(edits(), differences, literals, sizeBytes);
  }

  async #compose(
    edits: Iterable<Edit>,
    differences: Uint8Array,
    literals: Uint8Array,
    sizeBytes: number,
  ): Promise<Uint8Array> {
    const target = new Uint8Array(sizeBytes);
    let at = 0;
    let copied = 0;
    let taken = 0;
    for (const { baseOffset, copyLength, literalLength } of edits) {
      const piece = target.subarray(at, at + copyLength);
      await this.#context.pages.fill(piece, baseOffset);
      for (let i = 0; i < copyLength; i++) {
        piece[i] = (piece[i] as number) + (differences[copied + i] as number);
      }
      at += copyLength;
      copied += copyLength;
      target.set(literals.subarray(taken, taken + literalLength), at);
      at += literalLength;
      taken += literalLength;
    }
    return target;
  }
}
