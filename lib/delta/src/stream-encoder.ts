import type { BlockEncoder, BlockInput, CodedBlock } from './block-codec.ts';
import type { Edit } from './edit-script.ts';
import type { ImageSource } from './image-source.ts';
import { METHOD_STREAMS } from './patch-format.ts';
import { literalsOf, splitEdits } from './split-edits.ts';
import { writeControl } from './stream-control.ts';
import {
  compress,
  MAX_DICTIONARY_BYTES,
  STREAM_FRAME_BYTES,
  writeStreamFrame,
} from './stream-frame.ts';

/** Fewer literals than this are compressed without a dictionary: it would be read in vain. */
const MIN_LITERALS_FOR_DICTIONARY = 64;

/** The fast method: differences and literals through a general compressor. */
export class StreamEncoder implements BlockEncoder {
  encode({ base, target, edits }: BlockInput): CodedBlock {
    const frames: Uint8Array[] = [];
    let at = 0;
    for (const frame of splitEdits(edits, STREAM_FRAME_BYTES)) {
      const bytes = target.subarray(at, at + STREAM_FRAME_BYTES);
      frames.push(encodeFrame(base, bytes, frame));
      at += bytes.length;
    }
    return { method: METHOD_STREAMS, payload: Buffer.concat(frames), work: 0 };
  }
}

function encodeFrame(base: ImageSource, target: Uint8Array, edits: readonly Edit[]): Uint8Array {
  const control = writeControl(edits);
  const literals = literalsOf(edits, target);
  const dictionaryBytes =
    literals.length < MIN_LITERALS_FOR_DICTIONARY
      ? 0
      : Math.min(base.sizeBytes, MAX_DICTIONARY_BYTES);
  const dictionaryOffset = dictionaryStart(base.sizeBytes, dictionaryBytes, edits);
  return writeStreamFrame({
    dictionaryOffset,
    dictionaryBytes,
    controlRawBytes: control.length,
    control: compress(control),
    differences: compress(differencesOf(base, target, edits)),
    literals: compress(literals, base.read(dictionaryOffset, dictionaryBytes)),
  });
}

/** The base around the middle one of the literals. */
function dictionaryStart(baseSize: number, length: number, edits: readonly Edit[]): number {
  let left = edits.reduce((sum, edit) => sum + edit.literalLength, 0) / 2;
  const middle = edits.find((edit) => (left -= edit.literalLength) <= 0)?.baseOffset ?? 0;
  return Math.max(0, Math.min(Math.floor(middle - length / 2), baseSize - length));
}

function differencesOf(base: ImageSource, target: Uint8Array, edits: readonly Edit[]): Uint8Array {
  const copied = edits.reduce((sum, edit) => sum + edit.copyLength, 0);
  const differences = new Uint8Array(copied);
  let done = 0;
  let at = 0;
  for (const { baseOffset, copyLength, literalLength } of edits) {
    const old = base.read(baseOffset, copyLength);
    for (let i = 0; i < copyLength; i++) {
      differences[done + i] = (target[at + i] as number) - (old[i] as number);
    }
    done += copyLength;
    at += copyLength + literalLength;
  }
  return differences;
}
