import type { Logger } from '@flotilla/service';
import type { SplitRecord, SplitRules } from '../domain/split-records.ts';
import { splitRecords } from '../domain/split-records.ts';
import { closeFamily, familySignature, openFamily, type Family } from './file-family.ts';
import { FilePlaces } from './file-places.ts';
import type { OpenFile } from './open-file.ts';
import type { FilePosition } from './position-store.ts';

const MAX_RECORD_BYTES = 16 * 1024;
/** Bytes of one batch. */
const CHUNK_BYTES = 64 * 1024;
const MAX_CHUNKS_PER_POLL = 16;
/** A rotated file whose writer has been quiet for so many polls has no more to come. */
const QUIET_POLLS = 3;
/** A record that may go on in the next line is taken as it is after so many polls without one. */
const QUIET_POLLS_OF_RECORD = 2;
const SCAN_EVERY_POLLS = 30;
/** Polls in a row in which the names may not hold still before they are taken as they are. */
const MAX_UNSETTLED_POLLS = 20;

export interface FileFollowerOptions {
  readonly path: string;
  readonly startAt: 'beginning' | 'end';
  readonly startPattern: RegExp | null;
  /** Where the last run ended; null when there was none. */
  readonly position: FilePosition | null;
  readonly logger: Logger;
  readonly hasRoom: () => boolean;
  /**
   * Records and position durable together when it returns, neither when it throws. Offsets count
   * from the start of the file that `fileId` names.
   */
  readonly write: (records: readonly SplitRecord[], fileId: string, position: FilePosition) => void;
  /** A file went away before it was seen to its end. */
  readonly onGap: (files: number) => void;
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
 * Each record is written once, whatever kills the process, and in the order of the lines, unless the
 * rotated names do not tell it. What a rotation removes before it was read is lost, and said.
 */
export class FileFollower {
  readonly #options: FileFollowerOptions;
  readonly #rules: SplitRules;
  readonly #places: FilePlaces;
  /** Oldest first. The last one is the live file, unless it is gone. */
  #files: OpenFile[] = [];
  #liveId: string | null = null;
  /** As of the last scan; null when the folder was changing just then. */
  #folderChange: string | null = null;
  #signature = '';
  /** The position as it was written last: a log that rests must not wear out the flash. */
  #written: string;
  #polls = 0;
  #mustScan = true;
  #unsettledPolls = 0;

  constructor(options: FileFollowerOptions) {
    this.#options = options;
    this.#rules = { maxRecordBytes: MAX_RECORD_BYTES, startPattern: options.startPattern };
    this.#places = new FilePlaces(options.position);
    this.#written = JSON.stringify(options.position);
  }

  /** No file of this name is there, nor any former one with more to come. */
  get isIdle(): boolean {
    return this.#files.length === 0 && !this.#mustScan;
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
      // What was cut, and has left a copy nobody has met yet, is known only here: neither read nor write.
      if (!this.#scan()) return false;
    }
    for (const file of [...this.#files]) {
      const isLive = file.id === this.#liveId;
      const result = this.#drain(file, isLive);
      if (result === 'changed') this.#mustScan = true;
      if (result !== 'end') return result !== 'full';
      if (!isLive && file.quietLooks >= QUIET_POLLS) this.#retire(file);
    }
    return false;
  }

  close(): void {
    for (const file of this.#files) file.close();
    this.#files = [];
  }

  #drain(file: OpenFile, isLive: boolean): 'end' | 'more' | 'full' | 'changed' {
    for (let chunk = 0; chunk < MAX_CHUNKS_PER_POLL; chunk += 1) {
      if (!this.#options.hasRoom()) return 'full';
      const bytes = file.read(CHUNK_BYTES);
      // After the reading: whatever was read before the head changed is of the file it was taken for.
      if (!file.holds(file)) {
        this.#places.cut(file);
        return 'changed';
      }
      // A copy that was not there at the last scan comes before what its original holds by now.
      if (bytes.length > 0 && isLive && this.#namesHaveChanged()) return 'changed';
      if (!this.#take(file, isLive, bytes)) {
        file.quietLooks += 1;
        return 'end';
      }
    }
    return 'more';
  }

  #namesHaveChanged(): boolean {
    return familySignature(this.#options.path) !== this.#signature;
  }

  /** False when there is no whole record yet. */
  #take(file: OpenFile, isLive: boolean, bytes: Buffer): boolean {
    const isEnd = file.quietLooks >= QUIET_POLLS_OF_RECORD && bytes.length < CHUNK_BYTES;
    const maybeHalfALine = isLive && bytes.at(-1) !== 0x0a;
    const takeAll = isEnd && !maybeHalfALine;
    const split = splitRecords(bytes, file.skipping, takeAll, this.#rules);
    if (split.consumed === 0) return false;
    const { place: before } = file;
    const records = split.records.map((r) => ({ ...r, offset: before.offset + r.offset }));
    file.extendHead(before.offset === 0 ? bytes : null);
    file.moveTo({
      offset: before.offset + split.consumed,
      skipping: split.skipping,
      head: file.head,
    });
    try {
      this.#write(records, file.id);
    } catch (error) {
      file.moveTo(before);
      throw error;
    }
    return true;
  }

  #retire(file: OpenFile): void {
    this.#places.retire(file.place);
    this.#files = this.#files.filter((other) => other !== file);
    file.close();
    this.#write([], '');
  }

  #position(): FilePosition {
    return { reading: this.#files.map(({ place }) => place), done: [...this.#places.done] };
  }

  #write(records: readonly SplitRecord[], fileId: string): void {
    const position = this.#position();
    const text = JSON.stringify(position);
    if (records.length === 0 && text === this.#written) return;
    this.#options.write(records, fileId, position);
    this.#written = text;
  }

  /**
   * Looks which files there are and finds each one's place. False when names changed meanwhile: files
   * may be missing or their copies not met, so that nothing is to be concluded from it.
   */
  #scan(): boolean {
    const { path } = this.#options;
    this.#mustScan = true;
    const family = openFamily(path);
    const takeAsIs = this.#unsettledPolls >= MAX_UNSETTLED_POLLS;
    if (!family.settled && !takeAsIs) {
      closeFamily(family);
      this.#unsettledPolls += 1;
      return false;
    }
    this.#signature = family.signature;
    const leftOut = this.#takeUp(family);
    if (this.#namesHaveChanged() && !takeAsIs) {
      this.#unsettledPolls += 1;
      return false;
    }
    this.#unsettledPolls = 0;
    this.#mustScan = false;
    this.#say(leftOut + this.#places.settle(this.#liveId !== null));
    this.#write([], '');
    return true;
  }

  /** Returns how many files are beyond those that are looked at, and were never read. */
  #takeUp(family: Family): number {
    const before = new Map(this.#files.map((file) => [file.id, file]));
    this.#places.cutWhileAway(family);
    // The live file first: the others may be copies of it.
    const opened = family.members.find(({ isLive }) => isLive)?.file ?? null;
    const live = opened === null ? null : (this.#known(opened, before) ?? this.#takeUpLive(opened));
    const leftOut = this.#unreadLeftOut(family, before);
    const rotated = family.members
      .filter(({ isLive }) => !isLive)
      .flatMap(({ file }) => this.#known(file, before) ?? this.#takeUpRotated(file, live) ?? []);
    // Deleted, but still open here: older than all that have a name.
    this.#files = [...before.values(), ...rotated, ...(live === null ? [] : [live])];
    this.#liveId = live?.id ?? null;
    return leftOut;
  }

  /** The one that is open already, in place of the one that was opened now. */
  #known(file: OpenFile, before: Map<string, OpenFile>): OpenFile | null {
    const known = before.get(file.id);
    if (known === undefined) return null;
    file.close();
    before.delete(known.id);
    if (known.holds(known)) known.extendHead();
    return known;
  }

  #takeUpLive(file: OpenFile): OpenFile {
    const isResumed = this.#places.resume(file);
    if (!isResumed && this.#places.isNew && this.#options.startAt === 'end') {
      file.offset = file.size;
    }
    // Even before anything is read: by it a truncation is noticed.
    file.extendHead();
    return file;
  }

  /** Null, and closed, when there is nothing to read in it. */
  #takeUpRotated(file: OpenFile, live: OpenFile | null): OpenFile | null {
    if (this.#places.resume(file)) {
      if (file.size > file.offset || !this.#places.isDone(file)) return file;
      file.close();
      return null;
    }
    if (live !== null) {
      // The first half of copying and truncating: taken up once the original has been cut.
      if (file.isCopyOf(live)) {
        file.close();
        return null;
      }
      if (!live.holds(live)) this.#places.cut(live);
    }
    if (this.#places.resumeCopy(file) || !this.#places.isNew) return file;
    file.offset = file.size;
    file.extendHead();
    this.#places.retire(file.place);
    file.close();
    return null;
  }

  /** Files beyond those that are looked at that came since the last look. */
  #unreadLeftOut({ members, leftOut }: Family, open: ReadonlyMap<string, OpenFile>): number {
    const isKnown = (id: string) => open.has(id) || this.#places.knows(id);
    const oldest = members[0]?.file.id;
    if (this.#places.isNew || oldest === undefined || isKnown(oldest)) return 0;
    const newestKnown = leftOut.findLastIndex(({ id }) => isKnown(id));
    return leftOut.length - 1 - newestKnown;
  }

  #say(lost: number): void {
    if (lost === 0) return;
    const { path, logger, onGap } = this.#options;
    logger.warn({ path, lost }, 'log files went away before they were read to their end');
    onGap(lost);
  }
}
