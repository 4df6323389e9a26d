import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { link, mkdir, open, readdir, readFile, realpath, symlink } from 'node:fs/promises';
import { dirname, join, normalize, posix, relative, resolve, sep } from 'node:path';
import { BUNDLE_FILE, bundleSchema, type Bundle } from '@flotilla/contracts';
import { syncFolder } from '@flotilla/service';
import { extract, type Extract, type Header } from 'tar-stream';
import { isFileError } from '../disk/durable-file.ts';
import { BundleError } from './bundle-error.ts';
import type { BundleTree } from './bundle-tree.ts';

export interface ExtractionLimits {
  readonly maxEntries: number;
  readonly maxFileBytes: number;
  readonly maxTotalBytes: number;
}

export const DEFAULT_LIMITS: ExtractionLimits = {
  maxEntries: 20_000,
  maxFileBytes: 1024 ** 3,
  maxTotalBytes: 2 * 1024 ** 3,
};

type Entry = Extract extends AsyncIterable<infer T> ? T : never;

/** Absolute, in contrast to what it is in a BundleTree. */
interface PendingLink {
  readonly path: string;
  readonly target: string;
}

type UnpackedFile = BundleTree['files'][number];

interface Unpacked {
  /** By absolute path. */
  readonly files: Map<string, UnpackedFile>;
  readonly links: PendingLink[];
}

/**
 * Unpacks a tar into an empty folder, durably, and refuses (BundleError) whatever could reach outside
 * it: absolute paths, `..`, links that resolve elsewhere, devices. Symbolic links are made last, so no
 * entry is ever written through one. Returns what is there now.
 */
export async function extractBundle(
  tarPath: string,
  treePath: string,
  limits: ExtractionLimits = DEFAULT_LIMITS,
): Promise<BundleTree> {
  const source = createReadStream(tarPath);
  const entries = extract();
  source.on('error', (error) => entries.destroy(error));
  source.pipe(entries);
  const unpacked: Unpacked = { files: new Map(), links: [] };
  const budget = { entries: 0, bytes: 0 };
  try {
    for await (const entry of entries) {
      spend(budget, entry.header, limits);
      await unpack(entry, treePath, unpacked);
    }
  } catch (error) {
    throw asBundleError(error);
  } finally {
    source.destroy();
  }
  const { files, links } = unpacked;
  refuseBehindLinks(links, treePath);
  for (const pending of links) await makeSymlink(pending, treePath);
  await checkLinks(links, treePath);
  await syncTree(treePath);
  return {
    files: [...files.values()],
    links: links.map(({ path, target }) => ({ path: relative(treePath, path), target })),
  };
}

/** Reads and checks `bundle.json` of an unpacked tree; throws BundleError. */
export async function readBundle(treePath: string): Promise<Bundle> {
  let value: unknown;
  try {
    value = JSON.parse(await readFile(join(treePath, BUNDLE_FILE), 'utf8'));
  } catch (cause) {
    throw new BundleError(`the artifact has no readable ${BUNDLE_FILE}`, { cause });
  }
  const parsed = bundleSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new BundleError(
    `${BUNDLE_FILE}: ${issue?.path.join('.') ?? ''} ${issue?.message ?? 'is not valid'}`,
  );
}

function spend(
  budget: { entries: number; bytes: number },
  header: Header,
  limits: ExtractionLimits,
): void {
  budget.entries += 1;
  budget.bytes += header.size;
  if (budget.entries > limits.maxEntries) {
    throw new BundleError(`the artifact has more than ${limits.maxEntries} entries`);
  }
  if (header.size > limits.maxFileBytes) {
    throw new BundleError(`${header.name} is larger than ${limits.maxFileBytes} bytes`);
  }
  if (budget.bytes > limits.maxTotalBytes) {
    throw new BundleError(`the files are larger than ${limits.maxTotalBytes} bytes together`);
  }
}

async function unpack(entry: Entry, treePath: string, { files, links }: Unpacked): Promise<void> {
  const { header } = entry;
  const path = placeInside(treePath, header.name);
  const name = relative(treePath, path);
  switch (header.type) {
    case 'directory':
      await mkdir(path, { recursive: true });
      break;
    case 'file':
    case 'contiguous-file':
      files.set(path, { path: name, ...(await writeEntry(entry, path, header)) });
      return;
    case 'link': {
      await mkdir(dirname(path), { recursive: true });
      // Resolved from the root of the archive (pax, "linkpath"); the name must exist by now.
      const original = placeInside(treePath, header.linkname);
      await link(original, path);
      const file = files.get(original);
      if (file !== undefined) files.set(path, { ...file, path: name });
      break;
    }
    case 'symlink':
      links.push({ path, target: header.linkname });
      break;
    default:
      throw new BundleError(`${header.name} is a ${header.type}, not a file`);
  }
  entry.resume();
}

/** An absolute path below the tree, or BundleError. */
function placeInside(treePath: string, name: string): string {
  const parts = name.split('/');
  if (name === '' || posix.isAbsolute(name) || parts.includes('..') || name.includes('\0')) {
    throw new BundleError(`the entry ${JSON.stringify(name)} would leave the slot`);
  }
  return normalize(join(treePath, name));
}

async function writeEntry(
  entry: Entry,
  path: string,
  header: Header,
): Promise<Omit<UnpackedFile, 'path'>> {
  await mkdir(dirname(path), { recursive: true });
  // Only the executable bit is taken over: no set-user-id, no foreign owner.
  const isExecutable = (header.mode & 0o111) !== 0;
  const file = await open(path, 'wx', isExecutable ? 0o755 : 0o644);
  const hash = createHash('sha256');
  let sizeBytes = 0;
  try {
    for await (const chunk of entry) {
      hash.update(chunk as Uint8Array);
      sizeBytes += (chunk as Uint8Array).length;
      await file.writeFile(chunk as Uint8Array);
    }
    await file.sync();
  } finally {
    await file.close();
  }
  return { sizeBytes, sha256: hash.digest('hex'), isExecutable };
}

/** By their names, before the first is made: behind a link, making a parent would reach outside. */
function refuseBehindLinks(links: readonly PendingLink[], treePath: string): void {
  const linkPaths = new Set(links.map(({ path }) => resolve(path)));
  const root = resolve(treePath);
  for (const path of linkPaths) {
    for (let parent = dirname(path); isInside(parent, root); parent = dirname(parent)) {
      if (linkPaths.has(parent)) {
        throw new BundleError('a link of the artifact lies behind another link');
      }
    }
  }
}

async function makeSymlink({ path, target }: PendingLink, treePath: string): Promise<void> {
  if (posix.isAbsolute(target)) {
    throw new BundleError(`a link of the artifact points to ${target}, outside the slot`);
  }
  try {
    const parent = dirname(path);
    await mkdir(parent, { recursive: true });
    if (!isInside(await realpath(parent), await realpath(treePath))) {
      throw new BundleError('a link of the artifact lies behind another link');
    }
    await symlink(target, path);
  } catch (error) {
    throw asBundleError(error);
  }
}

/** By resolving them for real: links to links defeat a check of the names alone. */
async function checkLinks(links: readonly PendingLink[], treePath: string): Promise<void> {
  const root = await realpath(treePath);
  for (const { path, target } of links) {
    const resolved = await realpath(path).catch(() => null);
    if (resolved === null || !isInside(resolved, root)) {
      throw new BundleError(`a link of the artifact points to ${target}, outside the slot`);
    }
  }
}

function isInside(path: string, root: string): boolean {
  return path === root || path.startsWith(root + sep);
}

async function syncTree(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) await syncTree(join(folder, entry.name));
  }
  await syncFolder(folder);
}

/** A full or broken disk keeps its own error; what is left is the archive's fault. */
function asBundleError(error: unknown): unknown {
  if (error instanceof BundleError) return error;
  if (isFileError(error, 'EEXIST', 'ENOTDIR', 'EISDIR', 'ENOENT', 'ENAMETOOLONG', 'ELOOP')) {
    const message = error instanceof Error ? error.message : '';
    return new BundleError(`the entries of the artifact contradict each other: ${message}`, {
      cause: error,
    });
  }
  if (isFileError(error)) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new BundleError(`the artifact is not a readable tar: ${message}`, { cause: error });
}
