import type { ImageSource } from './image-source.ts';

/** Offsets within a block are 31 bits wide. */
export const MAX_VIEW_BYTES = 2 ** 31 - 2;

/** The part of a base that a block sees: all of it, or of a larger one 2 GiB around its own place. */
export interface BaseView {
  readonly from: number;
  readonly sizeBytes: number;
}

export function baseView(
  baseSizeBytes: number,
  blockOffset: number,
  mostBytes = MAX_VIEW_BYTES,
): BaseView {
  const sizeBytes = Math.min(baseSizeBytes, mostBytes);
  const wanted = Math.max(0, blockOffset - Math.floor(mostBytes / 2));
  return { from: Math.min(wanted, baseSizeBytes - sizeBytes), sizeBytes };
}

/** As if that part were the image. */
export function viewImage(image: ImageSource, { from, sizeBytes }: BaseView): ImageSource {
  if (sizeBytes === image.sizeBytes) return image;
  return { sizeBytes, read: (offset, length) => image.read(from + offset, length) };
}
