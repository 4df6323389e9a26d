import './linear-targets.ts';
import { isDeepStrictEqual } from 'node:util';
import type { TufDocument } from '@flotilla/contracts';
import { Metadata, type Root, type Snapshot, type Targets, type Timestamp } from '@tufjs/models';
import { TrustError } from './trust-error.ts';

export interface MetadataOf {
  readonly root: Metadata<Root>;
  readonly targets: Metadata<Targets>;
  readonly snapshot: Metadata<Snapshot>;
  readonly timestamp: Metadata<Timestamp>;
}
export type TrustRole = keyof MetadataOf;
export type AnyMetadata = MetadataOf[TrustRole];

export const TRUST_ROLES = ['root', 'targets', 'snapshot', 'timestamp'] as const;

type Json = Parameters<typeof Metadata.fromJSON>[1];

/** Reads a document without believing anything in it; throws TrustError `metadata_invalid`. */
export function readMetadata<R extends TrustRole>(role: R, text: string | Buffer): MetadataOf[R] {
  let json: unknown;
  try {
    json = JSON.parse(text.toString());
  } catch (cause) {
    throw new TrustError('metadata_invalid', `${role}.json is not JSON`, { cause });
  }
  return fromDocument(role, json);
}

/** The same from parsed JSON. */
export function fromDocument<R extends TrustRole>(role: R, json: unknown): MetadataOf[R] {
  try {
    // The overloads are by literal kind; which one it is follows from the role.
    return Metadata.fromJSON(role as never, json as Json) as AnyMetadata as MetadataOf[R];
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new TrustError('metadata_invalid', `${role}.json cannot be read: ${why}`, { cause });
  }
}

export function toDocument(metadata: AnyMetadata): TufDocument {
  return metadata.toJSON() as unknown as TufDocument;
}

/** The bytes that are published; their hash stands in the role above. */
export function writeMetadata(metadata: AnyMetadata): string {
  return JSON.stringify(metadata.toJSON());
}

export function copyOf<T extends AnyMetadata>(metadata: T): T {
  return fromDocument(metadata.signed.type as TrustRole, metadata.toJSON()) as T;
}

export function hasSameContent(a: AnyMetadata, b: AnyMetadata): boolean {
  return isDeepStrictEqual(a.signed.toJSON(), b.signed.toJSON());
}

/** Whole seconds in UTC (TUF 1.0.31, 4.2.1). */
export function expiryText(atMs: number): string {
  return new Date(atMs).toISOString().replace(/\.\d{3}Z$/, 'Z');
}
