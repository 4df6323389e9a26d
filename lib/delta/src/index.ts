export {
  applyDelta,
  type ApplyLimits,
  type ApplyOptions,
  type ApplyResult,
} from './apply-delta.ts';
export { createDelta, type CreateDeltaOptions } from './create-delta.ts';
export { DeltaError, type DeltaErrorCode } from './delta-error.ts';
export { CODEC_NAME, readDeltaHeader, type DeltaHeader } from './patch-format.ts';
export {
  bufferBase,
  openFileBase,
  type FileBase,
  type RandomAccessBase,
} from './random-access-base.ts';
