import { DeltaError } from './delta-error.ts';
import type { BaseView } from './base-view.ts';
import type { RandomAccessBase } from './random-access-base.ts';

/** Small, since a jump touches one or two, and what is dropped is the collector's to find. */
const PAGE_BYTES = 4 * 1024;
/** 1 MiB in all. */
const MAX_PAGES = 256;
/** A longer piece is read at once and not kept: it is not soon needed again. */
const MAX_PAGED_BYTES = 4 * PAGE_BYTES;

/** A base seen through a small cache: edits are short and keep near each other. */
export class BasePages {
  readonly #base: RandomAccessBase;
  #view: BaseView;
  /** In order of use, oldest first. */
  readonly #pages = new Map<number, Uint8Array>();

  constructor(base: RandomAccessBase) {
    this.#base = base;
    this.#view = { from: 0, sizeBytes: base.sizeBytes };
  }

  /** From now on offsets count from there, and there is no base outside. */
  look(view: BaseView): void {
    this.#view = view;
  }

  /** Of what is seen. */
  get sizeBytes(): number {
    return this.#view.sizeBytes;
  }

  /** Fills `window` with the base from `from` on; zeros where there is no base. */
  async fill(window: Uint8Array, from: number): Promise<void> {
    window.fill(0);
    const start = this.#view.from + from;
    const end = Math.min(start + window.length, this.#view.from + this.#view.sizeBytes);
    let at = Math.max(start, this.#view.from);
    if (end - at > MAX_PAGED_BYTES) {
      window.set(await readExactly(this.#base, at, end - at), at - start);
      return;
    }
    while (at < end) {
      const number = Math.floor(at / PAGE_BYTES);
      const page = this.#pages.get(number) ?? (await this.#load(number));
      const first = at - number * PAGE_BYTES;
      const piece = page.subarray(first, first + end - at);
      window.set(piece, at - start);
      at += piece.length;
    }
  }

  async #load(number: number): Promise<Uint8Array> {
    const offset = number * PAGE_BYTES;
    const page = await readExactly(
      this.#base,
      offset,
      Math.min(PAGE_BYTES, this.#base.sizeBytes - offset),
    );
    const oldest = this.#pages.keys().next();
    if (this.#pages.size >= MAX_PAGES && oldest.done !== true) this.#pages.delete(oldest.value);
    this.#pages.set(number, page);
    return page;
  }
}

/** Throws DeltaError 'base_mismatch' when the base has fewer bytes than it says. */
export async function readExactly(
  base: RandomAccessBase,
  offset: number,
  length: number,
): Promise<Uint8Array> {
  const bytes = await base.read(offset, length);
  if (bytes.length !== length) {
    throw new DeltaError('base_mismatch', `the base ends early, at ${offset + bytes.length}`);
  }
  return bytes;
}
