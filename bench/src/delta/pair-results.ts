import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Pair } from './corpus.ts';
import { measureCommand, type Cost } from './measured-command.ts';
import type { PairPaths, PairSizes, Peer, PeerSetting } from './peers.ts';
import type { ResultCache } from './result-cache.ts';

const execFileAsync = promisify(execFile);
const MEASURE = join(import.meta.dirname, 'measure.ts');
export const OWN = 'flotilla';

/** A tool's best patch of a pair, and what it took. */
export interface ToolResult {
  readonly setting: string;
  readonly patchBytes: number;
  readonly create: Cost;
  readonly apply: Cost;
}

export interface OwnResult extends ToolResult {
  /** Over the same process before it touches an image. */
  readonly applyGrowthBytes: number;
}

export interface PairResult {
  readonly name: string;
  readonly kind: Pair['kind'];
  readonly counts: boolean;
  readonly note: string | null;
  readonly baseBytes: number;
  readonly targetBytes: number;
  readonly own: OwnResult;
  /** By name; null for one that failed. */
  readonly peers: Readonly<Record<string, ToolResult | null>>;
  /** Settings that failed, each with its reason. */
  readonly failures: readonly string[];
}

/** Every tool on one pair, in `folder`. Throws when our patch makes anything but the target. */
export async function measurePair(
  pair: Pair,
  peers: readonly Peer[],
  folder: string,
  cache: ResultCache,
): Promise<PairResult> {
  const paths: PairPaths = {
    base: join(folder, 'base'),
    target: join(folder, 'target'),
    patch: join(folder, 'patch'),
    made: join(folder, 'made'),
  };
  await writeFile(paths.base, pair.base);
  await writeFile(paths.target, pair.target);
  const digests = [sha256(pair.base), sha256(pair.target)];
  const sizes = { baseBytes: pair.base.length, targetBytes: pair.target.length };
  const ownKey = [OWN, await ownVersion(), ...digests];
  const own = await cache.remember(ownKey, () => measureOwn(pair, paths));
  const measured: Record<string, ToolResult | null> = {};
  const failures: string[] = [];
  for (const peer of peers) {
    const found: ToolResult[] = [];
    for (const setting of peer.settings) {
      if (sizes.targetBytes > (setting.mostTargetBytes ?? Infinity)) continue;
      const command = setting.create(paths, sizes).filter((arg) => !arg.includes(folder));
      const key = [peer.name, peer.version, setting.name, ...command, ...digests];
      try {
        found.push(await cache.remember(key, () => measureSetting(pair, setting, paths, sizes)));
      } catch (error) {
        failures.push(`${pair.name}: ${peer.name} ${setting.name}: ${(error as Error).message}`);
      }
    }
    const [best = null] = found.toSorted((a, b) => a.patchBytes - b.patchBytes);
    measured[peer.name] = best;
  }
  const { name, kind, counts, note = null } = pair;
  return { name, kind, counts, note, ...sizes, own, peers: measured, failures };
}

async function measureSetting(
  pair: Pair,
  setting: PeerSetting,
  paths: PairPaths,
  sizes: PairSizes,
): Promise<ToolResult> {
  const costPath = `${paths.patch}.cost`;
  await rm(paths.patch, { force: true });
  await rm(paths.made, { force: true });
  const create = await measureCommand(setting.create(paths, sizes), costPath);
  const patchBytes = (await stat(paths.patch)).size;
  const apply = await measureCommand(setting.apply(paths, sizes), costPath);
  await expectMade(pair, paths);
  return { setting: setting.name, patchBytes, create, apply };
}

type ChildCost = Cost & { readonly idleRssBytes: number };

async function measureOwn(pair: Pair, paths: PairPaths): Promise<OwnResult> {
  const create = await measureChild('create', paths.base, paths.target, paths.patch);
  const patchBytes = (await stat(paths.patch)).size;
  const { idleRssBytes, ...apply } = await measureChild(
    'apply',
    ...[paths.base, paths.patch, paths.made],
  );
  await expectMade(pair, paths);
  return {
    setting: 'default',
    patchBytes,
    create: { cpuSeconds: create.cpuSeconds, peakRssBytes: create.peakRssBytes },
    apply,
    applyGrowthBytes: apply.peakRssBytes - idleRssBytes,
  };
}

async function measureChild(operation: string, ...paths: readonly string[]): Promise<ChildCost> {
  const { stdout } = await execFileAsync(process.execPath, [MEASURE, operation, ...paths]);
  return JSON.parse(stdout) as ChildCost;
}

async function expectMade(pair: Pair, paths: PairPaths): Promise<void> {
  if (!(await readFile(paths.made)).equals(pair.target)) {
    throw new Error('the patch makes another target');
  }
}

/** Digest of the codec's source: a result holds for one version of it. */
async function ownVersion(): Promise<string> {
  const folder = fileURLToPath(new URL('.', import.meta.resolve('@flotilla/delta')));
  const hash = createHash('sha256');
  const names = (await readdir(folder)).filter((name) => name.endsWith('.ts')).sort();
  for (const name of names) hash.update(name).update(await readFile(join(folder, name)));
  return hash.digest('hex');
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
