import type { Family } from './file-family.ts';
import { NO_HEAD, type OpenFile } from './open-file.ts';
import type { FilePlace, FilePosition } from './position-store.ts';

/** Twice as many as are looked at: those that come into sight again when newer ones are deleted are known. */
const MAX_DONE = 64;

/** Where reading goes on in the files of one family, as far as they are not open. */
export class FilePlaces {
  /** From the last run, until its files have been looked for. */
  #saved: readonly FilePlace[];
  /** Rotated files, read to their end. */
  #done: readonly FilePlace[];
  /** In files that were truncated since, or are gone: their copies go on from there. */
  #cut: readonly FilePlace[] = [];
  #isNew: boolean;

  constructor(position: FilePosition | null) {
    this.#saved = position?.reading ?? [];
    this.#done = position?.done ?? [];
    this.#isNew = position === null;
  }

  /** Nothing was ever read of this family. */
  get isNew(): boolean {
    return this.#isNew;
  }

  get done(): readonly FilePlace[] {
    return this.#done;
  }

  retire(place: FilePlace): void {
    this.#done = [...this.#done.filter(({ id }) => id !== place.id), place].slice(-MAX_DONE);
  }

  /** The file was cut to nothing behind our back. It begins anew, a copy of it may be found. */
  cut(file: OpenFile): void {
    if (file.head.length > 0) this.#cut = [...this.#cut, file.place];
    file.moveTo({ offset: 0, skipping: false, head: NO_HEAD });
  }

  /** A saved file whose beginning is another now was truncated; one that is gone may have left a copy. */
  cutWhileAway({ members, leftOut }: Pick<Family, 'members' | 'leftOut'>): void {
    const isRead = ({ id, offset }: FilePlace) =>
      leftOut.some((file) => file.id === id && file.sizeBytes === offset);
    for (const place of this.#saved.filter(isRead)) this.retire(place);
    this.#saved = this.#saved.filter((place) => !isRead(place));
    const files = members.map(({ file }) => file);
    this.#cutSaved((place) => !files.some((f) => f.id === place.id && f.holds(place)));
  }

  /** Sets the file to where it was left; false when it was not met before, or was cut since. */
  resume(file: OpenFile): boolean {
    this.#cutSaved((known) => known.id === file.id && !file.holds(known));
    const place = [...this.#saved, ...this.#done].find(
      (known) => known.id === file.id && file.holds(known),
    );
    if (place !== undefined) file.moveTo(place);
    return place !== undefined;
  }

  /** Nothing came since the file was read to its end. */
  isDone(file: OpenFile): boolean {
    return this.#done.some((known) => known.id === file.id && known.offset === file.offset);
  }

  /** Sets a copy to where its original was left; false when it is a copy of none. */
  resumeCopy(file: OpenFile): boolean {
    const original = this.#cut.find(({ head }) => file.hasHead(head));
    if (original === undefined) return false;
    this.#cut = this.#cut.filter((place) => place !== original);
    // What was written after the copy was taken had been read before the original was cut.
    file.moveTo({ ...original, offset: Math.min(original.offset, file.size) });
    return true;
  }

  knows(id: string): boolean {
    return [...this.#saved, ...this.#done].some((place) => place.id === id);
  }

  /** After every file was looked at. Returns how many were left before their end, as far as one can tell. */
  settle(hasLive: boolean): number {
    const lost = this.#cut.length;
    this.#cut = [];
    this.#saved = [];
    if (hasLive) this.#isNew = false;
    return lost;
  }

  #cutSaved(isLost: (place: FilePlace) => boolean): void {
    const lost = this.#saved.filter(isLost);
    this.#cut = [...this.#cut, ...lost.filter(({ head }) => head.length > 0)];
    this.#saved = this.#saved.filter((place) => !lost.includes(place));
  }
}
