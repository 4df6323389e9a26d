import type { ImageSource } from './image-source.ts';

const PAGE_BYTES = 64 * 1024;
const MAX_PAGES = 256;

/** An image whose single bytes are looked at here and there; keeps 16 MiB of it. */
export class CachedImage {
  readonly #image: ImageSource;
  /** In order of loading, oldest first. */
  readonly #pages = new Map<number, Uint8Array>();

  constructor(image: ImageSource) {
    this.#image = image;
  }

  /** How many bytes agree from here on forwards. */
  agreesForward(offset: number, bytes: Uint8Array, from: number): number {
    const most = Math.min(bytes.length - from, this.#image.sizeBytes - offset);
    let length = 0;
    while (length < most) {
      const page = this.#page(offset + length);
      const first = (offset + length) % PAGE_BYTES;
      const end = Math.min(page.length, first + most - length);
      let i = first;
      while (i < end && page[i] === bytes[from + length + i - first]) i++;
      length += i - first;
      if (i < end) break;
    }
    return length;
  }

  /** How many bytes agree just before, at most `most`. */
  agreesBackward(offset: number, bytes: Uint8Array, from: number, most: number): number {
    let length = 0;
    while (length < Math.min(most, offset)) {
      const at = offset - length - 1;
      if (this.#page(at)[at % PAGE_BYTES] !== bytes[from - length - 1]) break;
      length++;
    }
    return length;
  }

  #page(offset: number): Uint8Array {
    const number = Math.floor(offset / PAGE_BYTES);
    const known = this.#pages.get(number);
    if (known !== undefined) return known;
    const from = number * PAGE_BYTES;
    const page = this.#image.read(from, Math.min(PAGE_BYTES, this.#image.sizeBytes - from));
    const oldest = this.#pages.keys().next();
    if (this.#pages.size >= MAX_PAGES && oldest.done !== true) this.#pages.delete(oldest.value);
    this.#pages.set(number, page);
    return page;
  }
}
