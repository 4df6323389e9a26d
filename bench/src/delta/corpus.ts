import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { NotAvailable } from './registry.ts';
import { REGISTRY_PAIRS, type RegistryPair } from './registry-pairs.ts';
import { tarFolder } from './tar.ts';

const MODULES = resolve(import.meta.dirname, '../../../node_modules');

export interface Pair {
  readonly name: string;
  readonly kind: 'archive' | 'growth' | 'given' | RegistryPair['kind'];
  readonly base: Buffer;
  readonly target: Buffer;
  /** Whether its size counts for the goal; `note` says why not. */
  readonly counts: boolean;
  readonly note?: string;
}

type Recipe = Omit<Pair, 'base' | 'target'> & {
  readonly needs: readonly string[];
  readonly make: () => Promise<{ base: Buffer; target: Buffer }>;
};

/** Two builds of one native module: the same source relinked, as a firmware rebuild is. */
function rebuilds(module: string, from: string, to: string): Recipe {
  const path = (platform: string): string => `${module}/prebuilds/${platform}/${module}.bare`;
  return {
    name: `${module} ${from} to ${to}`,
    kind: 'machine code',
    counts: true,
    needs: [path(from), path(to)],
    make: () => readPair(path(from), path(to)),
  };
}

function files(name: string, from: string, to: string): Recipe {
  return { name, kind: 'text', counts: true, needs: [from, to], make: () => readPair(from, to) };
}

/** Two releases of one package, each as an archive of its folder. */
function releases(name: string, from: string, to: string): Recipe {
  return {
    name,
    kind: 'archive',
    counts: true,
    needs: [from, to],
    make: async () => ({
      base: await tarFolder(join(MODULES, from)),
      target: await tarFolder(join(MODULES, to)),
    }),
  };
}

async function readPair(from: string, to: string): Promise<{ base: Buffer; target: Buffer }> {
  return { base: await readFile(join(MODULES, from)), target: await readFile(join(MODULES, to)) };
}

/** A patch release of an application: a version string and one word of its code change throughout. */
async function patchRelease(): Promise<{ base: Buffer; target: Buffer }> {
  const folder = join(MODULES, 'fast-check');
  const edit = (_path: string, bytes: Buffer): Buffer =>
    Buffer.from(
      bytes
        .toString('latin1')
        .replaceAll(/"version": "[^"]+"/g, '"version": "99.1.0"')
        .replaceAll('shrinkable', 'reducible'),
      'latin1',
    );
  return { base: await tarFolder(folder), target: await tarFolder(folder, edit) };
}

const RECIPES: readonly Recipe[] = [
  rebuilds('bare-url', 'ios-arm64', 'darwin-arm64'),
  rebuilds('bare-url', 'darwin-x64', 'ios-x64-simulator'),
  rebuilds('bare-url', 'linux-x64', 'android-x64'),
  rebuilds('bare-url', 'linux-arm64', 'android-arm64'),
  rebuilds('bare-fs', 'ios-arm64', 'darwin-arm64'),
  rebuilds('bare-buffer', 'ios-arm64', 'darwin-arm64'),
  files(
    'react-dom server, node to edge',
    'react-dom/cjs/react-dom-server.node.development.js',
    'react-dom/cjs/react-dom-server.edge.development.js',
  ),
  files(
    'react-dom client, production to profiling',
    'react-dom/cjs/react-dom-client.production.js',
    'react-dom/cjs/react-dom-profiling.profiling.js',
  ),
  files(
    'fast-check, CommonJS to ES module',
    'fast-check/lib/cjs/fast-check.js',
    'fast-check/lib/fast-check.js',
  ),
  releases('fast-uri 3 to 4', 'ajv-formats/node_modules/fast-uri', 'fast-uri'),
  releases('hookified 1 to 2', 'hookified', 'qified/node_modules/hookified'),
  releases('ignore 5 to 7', 'ignore', '@typescript-eslint/eslint-plugin/node_modules/ignore'),
  {
    name: 'fast-check archive, edited',
    kind: 'archive',
    counts: true,
    needs: ['fast-check'],
    make: patchRelease,
  },
  {
    ...files('tsc to typescript', 'typescript/lib/_tsc.js', 'typescript/lib/typescript.js'),
    kind: 'growth',
    counts: false,
    note: 'not an update: another program, a third of it new, so this compares compressors',
  },
];

/** A pair to be had; `load` rejects with NotAvailable when it is not. */
export interface CorpusPair {
  readonly name: string;
  /** Takes peers minutes and gigabytes. */
  readonly isLarge: boolean;
  readonly load: () => Promise<Pair>;
}

/** Those of this installation, those from registries, and `given` ones: base, target, base … */
export function corpusPairs(given: readonly string[]): CorpusPair[] {
  const pairs = RECIPES.map(({ needs, make, ...about }) => ({
    name: about.name,
    isLarge: false,
    load: async (): Promise<Pair> => {
      const absent = needs.find((path) => !existsSync(join(MODULES, path)));
      if (absent !== undefined) throw new NotAvailable('not in this installation');
      return { ...about, ...(await make()) };
    },
  }));
  const published = REGISTRY_PAIRS.map(({ name, kind, isLarge = false, make }) => ({
    name,
    isLarge,
    load: async (): Promise<Pair> => ({ name, kind, counts: true, ...(await make()) }),
  }));
  return [...pairs, ...published, ...givenPairs(given)];
}

function givenPairs(given: readonly string[]): CorpusPair[] {
  const pairs: CorpusPair[] = [];
  for (let i = 0; i + 1 < given.length; i += 2) {
    const [from, to] = [given[i] ?? '', given[i + 1] ?? ''];
    const name = `${from} to ${to}`;
    pairs.push({
      name,
      isLarge: false,
      load: async () => ({
        name,
        kind: 'given',
        counts: true,
        base: await readFile(from),
        target: await readFile(to),
      }),
    });
  }
  return pairs;
}
