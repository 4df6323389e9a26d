import { readdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { isFileError } from '../../disk/durable-file.ts';
import { OpenFile } from './open-file.ts';

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

/**
 * Opens a log file and its rotated siblings, oldest first. Names move while one looks: it looks until
 * two looks agree. `settled` is false when they never did, and the next look must come soon.
 * Throws what open(2) throws for the live file, apart from its absence.
 */
export function openFamily(path: string): { members: FamilyMember[]; settled: boolean } {
  let members = openOnce(path);
  for (let look = 1; look < MAX_LOOKS; look += 1) {
    const again = openOnce(path);
    const settled = ids(members) === ids(again);
    for (const { file } of members) file.close();
    members = again;
    if (settled) return { members, settled };
  }
  return { members, settled: false };
}

function openOnce(path: string): FamilyMember[] {
  const byId = new Map<string, { file: OpenFile; name: string }>();
  const live = basename(path);
  for (const name of siblingNames(path)) {
    const file = openIfThere(join(dirname(path), name), name === live);
    if (file === null) continue;
    if (byId.has(file.id)) file.close();
    else byId.set(file.id, { file, name });
  }
  const ordered = [...byId.values()]
    .map(({ file, name }) => ({
      file,
      isLive: name === live,
      mtimeMs: file.mtimeMs,
      number: rotationNumber(name),
    }))
    .sort(olderFirst);
  for (const { file } of ordered.slice(0, -MAX_FAMILY)) file.close();
  return ordered.slice(-MAX_FAMILY).map(({ file, isLive }) => ({ file, isLive }));
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
    if (!isLive || isFileError(error, 'ENOENT')) return null;
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

function ids(members: readonly FamilyMember[]): string {
  return members.map(({ file, isLive }) => `${file.id}${isLive ? '*' : ''}`).join(' ');
}
