import type { Logger } from '@flotilla/service';
import type { SplitRecord, SplitRules } from '../domain/split-records.ts';
import { splitRecords } from '../domain/split-records.ts';
import { openFamily, type FamilyMember } from './file-family.ts';
import type { OpenFile } from './open-file.ts';
import type { FilePlace, FilePosition, PositionStore } from './position-store.ts';

const MAX_RECORD_BYTES = 16 * 1024;
/** Bytes of one batch: what a kill at the wrong moment may repeat. */
const CHUNK_BYTES = 64 * 1024;
const MAX_CHUNKS_PER_POLL = 16;
/** A rotated file whose writer has been quiet for so many polls has no more to come. */
const QUIET_POLLS = 3;
/** A record that may go on in the next line is taken as it is after so many polls without one. */
const QUIET_POLLS_OF_RECORD = 2;
const SCAN_EVERY_POLLS = 30;
const MAX_DONE = 32;
const MAX_CUT = 4;
/** Below it, equal beginnings may be chance, e.g. the same greeting. */
const COPY_HEAD_BYTES = 256;

export interface FileFollowerOptions {
  readonly path: string;
  readonly startAt: 'beginning' | 'end';
  readonly startPattern: RegExp | null;
  readonly positions: PositionStore;
  readonly logger: Logger;
  readonly hasRoom: () => boolean;
  /** Durable when it returns. Offsets count from the start of the file that `fileId` names. */
  readonly write: (records: readonly SplitRecord[], fileId: string) => void;
  /** The file went away before it was read to its end. */
  readonly onGap: () => void;
}

/** What a glance at the names tells, before anything is opened. */
export interface FolderLook {
  /** Of the file with the followed name; null when there is none. */
  readonly liveId: string | null;
  /** Differs after names came, went or changed. */
  readonly folderChange: string;
  /** The last change is long enough ago for the next one to be told from it. */
  readonly isFolderQuiet: boolean;
}

/**
 * Follows one log file through rotation by renaming, by copying and truncating, and through deletion.
 * Renamed files are read in the order in which they were written; a copy may be found only after its
 * truncated original has been read on. Each record is read at least once. After a kill at
 * most one chunk is read again. What a rotation removes before it was read is lost, and said.
 */
export class FileFollower {
  readonly #options: FileFollowerOptions;
  readonly #rules: SplitRules;
  /** Oldest first. The last one is the live file, unless it is gone. */
  #files: OpenFile[] = [];
  #done: FilePlace[];
  /** Places in files that were truncated since; their copies go on from there. */
  #cut: FilePlace[] = [];
  /** From the last run, until the first scan has found the files again. */
  #saved: FilePosition | null;
  #liveId: string | null = null;
  /** As of the last scan; null when the folder was changing just then. */
  #folderChange: string | null = null;
  #polls = 0;
  #mustScan = true;
  #isNew: boolean;

  constructor(options: FileFollowerOptions) {
    this.#options = options;
    this.#rules = { maxRecordBytes: MAX_RECORD_BYTES, startPattern: options.startPattern };
    this.#saved = options.positions.file(options.path);
    this.#done = [...(this.#saved?.done ?? [])];
    this.#isNew = this.#saved === null;
  }

  /**
   * Reads what has come. True when there is more to read at once. Throws what the file system or
   * `write` throws; the next poll goes on where this one failed.
   */
  poll(seen: FolderLook): boolean {
    this.#polls += 1;
    const hasChanged = seen.liveId !== this.#liveId || seen.folderChange !== this.#folderChange;
    if (this.#mustScan || hasChanged || this.#polls % SCAN_EVERY_POLLS === 0) {
      this.#folderChange = seen.isFolderQuiet ? seen.folderChange : null;
      this.#scan();
    }
    for (const file of [...this.#files]) {
      const isLive = file.id === this.#liveId;
      const result = this.#drain(file, isLive);
      if (result === 'truncated') {
        this.#mustScan = true;
        return true;
      }
      if (result !== 'end') return result === 'more';
      if (!isLive && file.quietLooks >= QUIET_POLLS) this.#retire(file);
    }
    return false;
  }

  close(): void {
    for (const file of this.#files) file.close();
    this.#files = [];
  }

  #drain(file: OpenFile, isLive: boolean): 'end' | 'more' | 'full' | 'truncated' {
    for (let chunk = 0; chunk < MAX_CHUNKS_PER_POLL; chunk += 1) {
      if (!this.#options.hasRoom()) return 'full';
      const bytes = file.read(CHUNK_BYTES);
      // After the reading: whatever was read before the head changed is of the file it was taken for.
      if (file.size < file.offset || !file.hasHead(file.head)) {
        this.#wasTruncated(file);
        return 'truncated';
      }
      if (bytes.length === 0) {
        file.quietLooks += 1;
        return 'end';
      }
      const isEnd = file.quietLooks >= QUIET_POLLS_OF_RECORD;
      const waitsForMore = isLive && this.#rules.startPattern === null;
      const wholeLine = bytes.at(-1) === 0x0a;
      const takeAll =
        isEnd && bytes.length < CHUNK_BYTES && !waitsForMore && (!isLive || wholeLine);
      const split = splitRecords(bytes, file.skipping, takeAll, this.#rules);
      if (split.consumed === 0) {
        file.quietLooks += 1;
        return 'end';
      }
      if (split.records.length > 0) {
        const base = file.offset;
        this.#options.write(
          split.records.map((record) => ({ ...record, offset: base + record.offset })),
          file.id,
        );
      }
      file.offset += split.consumed;
      file.skipping = split.skipping;
      file.quietLooks = 0;
      file.extendHead();
      this.#save();
    }
    return 'more';
  }

  #wasTruncated(file: OpenFile): void {
    this.#cut = [...this.#cut, file.place].slice(-MAX_CUT);
    file.moveTo({ offset: 0, skipping: false, head: { length: 0, hash: '' } });
    file.quietLooks = 0;
  }

  #retire(file: OpenFile): void {
    this.#files = this.#files.filter((other) => other !== file);
    this.#done = [...this.#done, file.place].slice(-MAX_DONE);
    file.close();
    this.#save();
  }

  #save(): void {
    const reading = this.#files.map(({ place }) => place);
    this.#options.positions.saveFile(this.#options.path, { reading, done: this.#done });
  }

  /** Looks which files there are and finds each one's place. */
  #scan(): void {
    const { path, onGap, logger } = this.#options;
    const { members, settled } = openFamily(path);
    this.#mustScan = !settled;
    this.#cutTruncatedWhileAway(members);
    const before = new Map(this.#files.map((file) => [file.id, file]));
    const found: OpenFile[] = [];
    this.#liveId = null;
    for (const { file, isLive } of members) {
      if (isLive) this.#liveId = file.id;
      const known = before.get(file.id);
      if (known !== undefined) {
        file.close();
        before.delete(known.id);
        found.push(known);
      } else if (this.#takeUp(file, isLive, members)) found.push(file);
      else file.close();
    }
    // Deleted, but still open here: older than all that have a name.
    this.#files = [...before.values(), ...found];
    if (this.#saved !== null || this.#isNew) {
      const lost = (this.#saved?.reading ?? []).filter(({ id }) => !this.#isKnown(id));
      if (lost.length > 0) {
        logger.warn({ path }, 'a log file was rotated away before it was read to its end');
        onGap();
      }
      this.#saved = null;
      if (members.some(({ isLive }) => isLive)) this.#isNew = false;
      this.#save();
    }
  }

  #isKnown(id: string): boolean {
    return this.#files.some((file) => file.id === id) || this.#cut.some((place) => place.id === id);
  }

  /** A saved file whose beginning is another now was truncated, or its inode has been used again. */
  #cutTruncatedWhileAway(members: readonly FamilyMember[]): void {
    for (const place of this.#saved?.reading ?? []) {
      const member = members.find(({ file }) => file.id === place.id);
      const isSame =
        member !== undefined && member.file.size >= place.offset && member.file.hasHead(place.head);
      if (!isSame) this.#cut = [...this.#cut, place].slice(-MAX_CUT);
    }
  }

  /** Finds the place to read a file from that is not open yet; false when there is nothing to read in it. */
  #takeUp(file: OpenFile, isLive: boolean, members: readonly FamilyMember[]): boolean {
    const saved = this.#saved?.reading.find(({ id }) => id === file.id);
    const isSame = (place: FilePlace) => file.size >= place.offset && file.hasHead(place.head);
    if (saved !== undefined && isSame(saved)) {
      file.moveTo(saved);
      return true;
    }
    const done = this.#done.find((place) => place.id === file.id && isSame(place));
    if (done !== undefined) {
      if (file.size === done.offset && !isLive) return false;
      this.#done = this.#done.filter((place) => place !== done);
      file.moveTo(done);
      return true;
    }
    const original = this.#cut.find((place) => place.head.length > 0 && isSame(place));
    if (original !== undefined && !isLive) {
      this.#cut = this.#cut.filter((place) => place !== original);
      file.moveTo(original);
      return true;
    }
    if (!isLive && this.#isCopyOfLive(file, members)) return false;
    if (this.#isNew && (!isLive || this.#options.startAt === 'end')) {
      file.offset = file.size;
      file.extendHead();
      if (!isLive) this.#done = [...this.#done, file.place].slice(-MAX_DONE);
      return isLive;
    }
    return true;
  }

  /** The first half of copy and truncate: the copy is taken up once the original has been cut. */
  #isCopyOfLive(file: OpenFile, members: readonly FamilyMember[]): boolean {
    const live = members.find(({ isLive }) => isLive);
    const open = this.#files.find(({ id }) => id === live?.file.id);
    if (open === undefined || open.head.length < COPY_HEAD_BYTES) return false;
    return open.hasHead(open.head) && file.hasHead(open.head);
  }
}
