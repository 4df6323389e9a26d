import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pack } from 'tar-stream';

export interface BundleFile {
  readonly name: string;
  readonly content: Uint8Array;
}

/** The files of a folder and its subfolders, sorted by name. */
export async function readBundleFolder(folder: string): Promise<BundleFile[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  const read = files.map(async (entry) => {
    const path = join(entry.parentPath, entry.name);
    return { name: path.slice(folder.length + 1), content: await readFile(path) };
  });
  return (await Promise.all(read)).sort((a, b) => (a.name < b.name ? -1 : 1));
}

/**
 * An uncompressed tar of the files. The same files give the same bytes (fixed owner, mode and time),
 * so a rebuilt release has the digest that was signed, and deltas see only what changed.
 */
export async function buildBundle(files: readonly BundleFile[]): Promise<Buffer> {
  const tar = pack();
  for (const file of files) {
    const content = Buffer.from(file.content);
    tar.entry({ name: file.name, mode: 0o644, mtime: new Date(0), size: content.length }, content);
  }
  tar.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of tar) chunks.push(Buffer.from(chunk as Uint8Array));
  return Buffer.concat(chunks);
}
