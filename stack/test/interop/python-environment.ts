import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const REQUIREMENTS = fileURLToPath(new URL('requirements.txt', import.meta.url));
const CACHE = fileURLToPath(
  new URL('../../../node_modules/.cache/flotilla/python-otel', import.meta.url),
);
const INSTALL_TIMEOUT_MS = 240_000;

export type PythonEnvironment =
  | { readonly python: string }
  /** Why there is none on this machine. */
  | { readonly missing: string };

/**
 * A virtual environment with the packages of requirements.txt, made once and kept in the cache
 * folder. Under CI its absence is an error: what is skipped there is never seen.
 */
export async function pythonEnvironment(ci: boolean): Promise<PythonEnvironment> {
  try {
    return { python: await install() };
  } catch (cause) {
    const missing = `python3 with venv and its packages cannot be had: ${String(cause)}`;
    if (ci) throw new Error(missing, { cause });
    console.warn(`skipped: ${missing}`);
    return { missing };
  }
}

async function install(): Promise<string> {
  const python = join(CACHE, 'bin', 'python');
  const marker = join(CACHE, 'requirements.sha256');
  const wanted = createHash('sha256')
    .update(await readFile(REQUIREMENTS))
    .digest('hex');
  if (existsSync(marker) && (await readFile(marker, 'utf8')) === wanted) return python;
  await rm(CACHE, { recursive: true, force: true });
  await mkdir(CACHE, { recursive: true });
  await run('python3', ['-m', 'venv', CACHE], { timeout: INSTALL_TIMEOUT_MS });
  const pip = ['-m', 'pip', 'install', '--quiet', '--no-deps', '-r', REQUIREMENTS];
  await run(python, pip, { timeout: INSTALL_TIMEOUT_MS });
  // Last, so that an install cut short is done again.
  await writeFile(marker, wanted);
  return python;
}

/** Runs one of our scripts, `input` as JSON on its standard input; its standard output, parsed. */
export async function runScript<T>(python: string, script: string, input: unknown): Promise<T> {
  const path = fileURLToPath(new URL(script, import.meta.url));
  const running = run(python, [path], { timeout: 120_000, maxBuffer: 16 * 1024 * 1024 });
  running.child.stdin?.end(JSON.stringify(input));
  const { stdout, stderr } = await running;
  if (stderr !== '') console.log(stderr);
  return JSON.parse(stdout) as T;
}
