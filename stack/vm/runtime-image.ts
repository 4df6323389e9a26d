import { copyFile, cp, mkdir, readFile, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { writeExt4 } from './ext4-image.ts';
import { runProgram } from './run-program.ts';

const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url));

/** Rounded up over what the tree weighs now; the file is sparse. */
const RUNTIME_BYTES = 512 * 1024 * 1024;

/**
 * Node, its libraries, and the agent with the packages it needs, as the read-only file system that both
 * slots mount. An update of the virtual device replaces kernel and system, not this.
 */
export async function writeRuntimeImage(path: string, workDir: string): Promise<void> {
  const tree = join(workDir, 'runtime');
  await mkdir(join(tree, 'bin'), { recursive: true });
  await mkdir(join(tree, 'lib'), { recursive: true });
  const node = await realpath(process.execPath);
  await copyFile(node, join(tree, 'bin/node'));
  for (const library of await linkedLibraries(node)) {
    await copyFile(library, join(tree, 'lib', basename(library)));
  }
  for (const folder of await packageClosure('@flotilla/device-agent')) {
    await copyPackage(folder, join(tree, 'app'));
  }
  await writeExt4(path, { sizeBytes: RUNTIME_BYTES, journal: false, tree });
}

async function linkedLibraries(program: string): Promise<string[]> {
  const listing = await runProgram('ldd', [program]);
  return [...listing.matchAll(/(\/\S+) \(0x/g)].map(([, file = '']) => file);
}

/** Folders below node_modules, as npm links them, of a package and of all it depends on. */
async function packageClosure(root: string): Promise<string[]> {
  const found = new Map<string, string>();
  const visit = async (name: string, from: string): Promise<void> => {
    const folder = await resolvePackage(name, from);
    if (folder === null || found.has(folder)) return;
    found.set(folder, name);
    const text = await readFile(join(folder, 'package.json'), 'utf8');
    const { dependencies = {} } = JSON.parse(text) as { dependencies?: Record<string, string> };
    for (const dependency of Object.keys(dependencies)) await visit(dependency, folder);
  };
  await visit(root, REPOSITORY);
  return [...found.keys()];
}

/** Null for what npm left out, such as an optional package of another platform. */
async function resolvePackage(name: string, from: string): Promise<string | null> {
  for (let folder = from; ; folder = dirname(folder)) {
    const candidate = join(folder, 'node_modules', name);
    const isThere = await stat(candidate).then(
      () => true,
      () => false,
    );
    if (isThere) return candidate;
    if (folder === dirname(folder)) return null;
  }
}

/** A workspace's sources go to their place in the repository, with the link that npm made to them. */
async function copyPackage(folder: string, app: string): Promise<void> {
  const real = await realpath(folder);
  const filter = (source: string) =>
    !/\/(test|node_modules\/\.vite|testing)(\/|$)/.test(source.slice(real.length)) &&
    !source.endsWith('.map');
  await cp(real, join(app, relative(REPOSITORY, real)), { recursive: true, filter });
  if (real !== folder) {
    await cp(folder, join(app, relative(REPOSITORY, folder)), { verbatimSymlinks: true });
  }
}
