import { createHash } from 'node:crypto';
import { execFile } from 'node:child_process';
import { mkdir, readFile, rename, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';

const execFileAsync = promisify(execFile);
const CACHE = resolve(import.meta.dirname, '../../../node_modules/.cache/flotilla/delta-corpus');
const TIMEOUT_MS = 5 * 60_000;

/** A published file, downloaded once by its registry's own client. */
export interface RegistryFile {
  readonly registry: 'npm' | 'pypi' | 'debian';
  readonly name: string;
  readonly version: string;
  /** Of the file, in lower-case hex: anything else is refused. */
  readonly sha256: string;
}

/** Why a pair could not be had: offline, no client, no longer published. */
export class NotAvailable extends Error {
  override readonly name = 'NotAvailable';
}

/** The file's path in the cache. Rejects with NotAvailable. */
export async function fetchFile(file: RegistryFile): Promise<string> {
  const path = join(CACHE, `${file.sha256}.${file.registry}`);
  if ((await sha256Of(path)) === file.sha256) return path;
  const folder = join(CACHE, `${file.sha256}.part`);
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  try {
    const got = join(folder, await download(file, folder));
    const sha256 = await sha256Of(got);
    if (sha256 !== file.sha256) {
      throw new NotAvailable(`${file.name} ${file.version} has another digest, ${sha256}`);
    }
    await rename(got, path);
    return path;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function download(file: RegistryFile, folder: string): Promise<string> {
  const { name, version } = file;
  const [command, ...args] = {
    npm: ['npm', 'pack', '--silent', `${name}@${version}`],
    pypi: ['python3', '-m', 'pip', 'download', '--quiet', '--no-deps', `${name}==${version}`],
    debian: ['apt-get', 'download', '-qq', `${name}=${version}`],
  }[file.registry] as [string, ...string[]];
  await tool(command, args, folder);
  const { stdout } = await tool('ls', [], folder);
  const got = stdout.trim();
  if (got === '') throw new NotAvailable(`${command} brought no ${name} ${version}`);
  return got;
}

/** Rejects with NotAvailable when the program is missing or fails. */
export async function tool(
  command: string,
  args: readonly string[],
  cwd?: string,
): Promise<{ stdout: string }> {
  try {
    return await execFileAsync(command, [...args], { cwd, timeout: TIMEOUT_MS });
  } catch (cause) {
    const lines = cause instanceof Error ? cause.message.trim().split('\n') : [];
    throw new NotAvailable(`${command}: ${lines.at(-1) ?? 'it failed'}`, { cause });
  }
}

async function sha256Of(path: string): Promise<string | null> {
  try {
    return createHash('sha256')
      .update(await readFile(path))
      .digest('hex');
  } catch {
    // Not there yet; what is broken is downloaded anew.
    return null;
  }
}
