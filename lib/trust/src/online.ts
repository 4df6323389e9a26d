import { createHash } from 'node:crypto';
import { MetaFile, Metadata, Snapshot, Timestamp } from '@tufjs/models';
import { expiryText, type MetadataOf } from './metadata.ts';

/** When a timestamp was signed; a device whose clock is behind it knows that its clock is wrong. */
const SIGNED_AT = 'x-flotilla-signed-at';

interface Issue {
  readonly version: number;
  readonly nowMs: number;
  readonly validityMs: number;
}

/** Names the targets that belong together (TUF 1.0.31, 4.4), unsigned. */
export function createSnapshot(issue: Issue, targets: SignedFile): MetadataOf['snapshot'] {
  const meta = { 'targets.json': fileOf(targets) };
  return new Metadata(new Snapshot({ ...common(issue), meta }));
}

/** Says which snapshot is the newest (TUF 1.0.31, 4.6), unsigned. */
export function createTimestamp(issue: Issue, snapshot: SignedFile): MetadataOf['timestamp'] {
  return new Metadata(
    new Timestamp({
      ...common(issue),
      snapshotMeta: fileOf(snapshot),
      unrecognizedFields: { [SIGNED_AT]: expiryText(issue.nowMs) },
    }),
  );
}

/** Milliseconds since the epoch; null on a timestamp that does not tell. */
export function signedAtMs(timestamp: MetadataOf['timestamp']): number | null {
  const text = timestamp.signed.unrecognizedFields[SIGNED_AT];
  const atMs = typeof text === 'string' ? Date.parse(text) : NaN;
  return Number.isNaN(atMs) ? null : atMs;
}

/** A version and the exact text that is published as that version. */
export interface SignedFile {
  readonly version: number;
  readonly text: string;
}

/** With length and hash, so that a device takes one file alone for it (TUF 1.0.31, 5.5.2 and 5.6.2). */
function fileOf({ version, text }: SignedFile): MetaFile {
  const sha256 = createHash('sha256').update(text).digest('hex');
  return new MetaFile({ version, length: Buffer.byteLength(text), hashes: { sha256 } });
}

function common({ version, nowMs, validityMs }: Issue) {
  return { version, specVersion: '1.0.31', expires: expiryText(nowMs + validityMs) };
}
