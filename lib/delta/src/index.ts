export {
  applyDelta,
  type ApplyLimits,
  type ApplyOptions,
  type ApplyResult,
} from './apply-delta.ts';
export { createDelta, deltaChunks, type CreateDeltaOptions } from './create-delta.ts';
export { DeltaError, type DeltaErrorCode } from './delta-error.ts';
export { bufferImage, openFileImage, type FileImage, type ImageSource } from './image-source.ts';
export { CODEC_NAME, readDeltaHeader, type DeltaHeader } from './patch-format.ts';
export {
  bufferBase,
  openFileBase,
  type FileBase,
  type RandomAccessBase,
} from './random-access-base.ts';
