import { open, type FileHandle } from 'node:fs/promises';
import { BUNDLE_FILE, bundleSchema, type Bundle, type FieldError } from '@flotilla/contracts';
import { ProblemError } from '@flotilla/service';
import type { StagedArtifact } from './artifact-store.ts';
import { TarError, tarEntries, type TarEntry } from './tar-entries.ts';

const MAX_BUNDLE_FILE_BYTES = 64 * 1024;
const POINTER = `/body/${BUNDLE_FILE}`;

/**
 * Refuses an artifact no device could run, before anybody signs it: it must be a tar whose names stay
 * inside the slot and whose `bundle.json` is valid and of this version.
 */
export async function checkBundle(artifact: StagedArtifact, version: string): Promise<void> {
  const file = await open(artifact.file, 'r');
  let bundle: Bundle;
  try {
    bundle = await readBundle(file, artifact.sizeBytes);
  } catch (error) {
    if (error instanceof TarError)
      throw refuse([{ pointer: '/body', detail: error.message }], error);
    throw error;
  } finally {
    await file.close();
  }
  if (bundle.version !== version) {
    const detail = `is ${bundle.version}, but the upload says version ${version}`;
    throw refuse([{ pointer: `${POINTER}/version`, detail }]);
  }
}

async function readBundle(file: FileHandle, sizeBytes: number): Promise<Bundle> {
  let found: TarEntry | undefined;
  for await (const entry of tarEntries(file, sizeBytes)) {
    const parts = entry.name.split('/');
    if (entry.name.startsWith('/') || parts.includes('..')) {
      throw new TarError(`the entry ${JSON.stringify(entry.name)} leaves the slot's folder`);
    }
    // `tar -c .` writes names that start with `./`.
    const name = parts.filter((part) => part !== '.').join('/');
    if (name === BUNDLE_FILE && entry.kind === 'file') found = entry;
  }
  if (found === undefined) throw refuse([{ pointer: POINTER, detail: 'is missing from the tar' }]);
  if (found.sizeBytes > MAX_BUNDLE_FILE_BYTES) {
    throw refuse([{ pointer: POINTER, detail: `is larger than ${MAX_BUNDLE_FILE_BYTES} bytes` }]);
  }
  const content = Buffer.alloc(found.sizeBytes);
  await file.read(content, 0, content.length, found.offset);
  return parseBundle(content);
}

function parseBundle(content: Buffer): Bundle {
  let value: unknown;
  try {
    value = JSON.parse(content.toString('utf8'));
  } catch (cause) {
    throw refuse([{ pointer: POINTER, detail: 'is not JSON' }], cause);
  }
  const parsed = bundleSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw refuse(
    parsed.error.issues.map((issue) => ({
      pointer: [POINTER, ...issue.path.map(String)].join('/'),
      detail: issue.message,
    })),
  );
}

function refuse(errors: readonly FieldError[], cause?: unknown): ProblemError {
  const words = errors.map((error) => `${error.pointer}: ${error.detail}`).join('; ');
  return new ProblemError('validation_failed', { detail: words, errors, cause });
}
