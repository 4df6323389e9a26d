import { readdirSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { isFileError } from '../../disk/durable-file.ts';
import { NotAFileError, OpenFile } from './open-file.ts';

const COMPRESSED = /\.(gz|bz2|xz|zst|lz4|zip)$/;
const ROTATED_SUFFIX = /^[.\-_][\w.\-:+@]+$/;
/** Rotated files beside a live one that are looked at; the newest. */
const MAX_FAMILY = 32;
const MAX_LOOKS = 5;

export interface FamilyMember {
  readonly file: OpenFile;
  /** The live file, that is the one with the followed name. */
  readonly isLive: boolean;
}

export interface LeftOutFile {
  readonly id: string;
  readonly sizeBytes: number;
}

export interface Family {
  /** Oldest first. */
  readonly members: readonly FamilyMember[];
  /** Rotated files beyond those that are looked at, oldest first. */
  readonly leftOut: readonly LeftOutFile[];
  /** False when the names never held still: some files may be missing, others out of order. */
  readonly settled: boolean;
  /** As of the look, see `familySignature`. */
  readonly signature: string;
}

/**
 * Opens a log file and its rotated siblings, oldest first. Names move while one looks: it looks until
 * they stood for the same files before and after. Throws what open(2) throws for the live file, apart
 * from its absence.
 */
export function openFamily(path: string): Family {
  for (let look = 1; ; look += 1) {
    const before = familySignature(path);
    const family = openOnce(path);
    const settled = familySignature(path) === before;
    if (settled || look >= MAX_LOOKS) return { ...family, settled, signature: before };
    closeFamily(family);
  }
}

export function closeFamily({ members }: Pick<Family, 'members'>): void {
  for (const { file } of members) file.close();
}

/** Differs once a name of the family came, went, or stands for another file or its first content. */
export function familySignature(path: string): string {
  const parts = siblingNames(path).map((name) => {
    try {
      const { dev, ino, size } = statSync(join(dirname(path), name));
      return `${name} ${dev}:${ino} ${size > 0}`;
    } catch (error) {
      if (isFileError(error)) return name;
      throw error;
    }
  });
  return parts.join('\n');
}

function openOnce(path: string): Pick<Family, 'members' | 'leftOut'> {
  const byId = new Map<string, { file: OpenFile; name: string }>();
  const live = basename(path);
  try {
    for (const name of siblingNames(path)) {
      const file = openIfThere(join(dirname(path), name), name === live);
      if (file === null) continue;
      if (byId.has(file.id)) file.close();
      else byId.set(file.id, { file, name });
    }
  } catch (error) {
    for (const { file } of byId.values()) file.close();
    throw error;
  }
  const ordered = [...byId.values()]
    .map(({ file, name }) => ({
      file,
      isLive: name === live,
      mtimeMs: file.mtimeMs,
      number: rotationNumber(name),
    }))
    .sort(olderFirst);
  const leftOut = ordered.slice(0, -MAX_FAMILY).map(({ file }) => {
    const { id, size } = file;
    file.close();
    return { id, sizeBytes: size };
  });
  return {
    members: ordered.slice(-MAX_FAMILY).map(({ file, isLive }) => ({ file, isLive })),
    leftOut,
  };
}

/** The live name last, so that a file renamed meanwhile is met under one name or the other. */
function siblingNames(path: string): string[] {
  const live = basename(path);
  let names: string[];
  try {
    names = readdirSync(dirname(path));
  } catch (error) {
    if (isFileError(error, 'ENOENT')) return [];
    throw error;
  }
  const rotated = names.filter(
    (name) =>
      name.startsWith(live) &&
      ROTATED_SUFFIX.test(name.slice(live.length)) &&
      !COMPRESSED.test(name),
  );
  return names.includes(live) ? [...rotated, live] : rotated;
}

function openIfThere(path: string, isLive: boolean): OpenFile | null {
  try {
    return new OpenFile(path);
  } catch (error) {
    // A sibling may be anything, e.g. a folder or another user's; only the live file is ours to miss.
    if (isFileError(error, 'ENOENT')) return null;
    if (
      !isLive &&
      (isFileError(error, 'EACCES', 'EPERM', 'ENXIO') || error instanceof NotAFileError)
    ) {
      return null;
    }
    throw error;
  }
}

interface Aged {
  readonly isLive: boolean;
  readonly mtimeMs: number;
  /** 1 for the newest of `name.1`, `name.2` …; null without a number. */
  readonly number: number | null;
}

function olderFirst(a: Aged, b: Aged): number {
  if (a.isLive !== b.isLive) return a.isLive ? 1 : -1;
  if (a.number !== null && b.number !== null) return b.number - a.number;
  return a.mtimeMs - b.mtimeMs;
}

function rotationNumber(name: string): number | null {
  const digits = /\.(\d{1,4})$/.exec(name)?.[1];
  return digits === undefined ? null : Number(digits);
}
