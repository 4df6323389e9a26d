import { spawnSync } from 'node:child_process';

export interface PairPaths {
  readonly base: string;
  readonly target: string;
  readonly patch: string;
  /** What applying makes. */
  readonly made: string;
}

export interface PairSizes {
  readonly baseBytes: number;
  readonly targetBytes: number;
}

/** One way to call a peer; commands are a program and its arguments. */
export interface PeerSetting {
  readonly name: string;
  /** Made for microcontrollers: larger targets take it hours and are not what it is for. */
  readonly mostTargetBytes?: number;
  readonly create: (paths: PairPaths, sizes: PairSizes) => readonly string[];
  readonly apply: (paths: PairPaths, sizes: PairSizes) => readonly string[];
}

/** A tool counts by the smallest patch of all its settings. */
export interface Peer {
  readonly name: string;
  readonly version: string;
  readonly settings: readonly PeerSetting[];
}

const MIB = 1024 * 1024;
const MICROCONTROLLER_BYTES = 4 * MIB;

function zstdWindow({ baseBytes, targetBytes }: PairSizes): string {
  const bits = Math.min(31, Math.max(10, Math.ceil(Math.log2(baseBytes + targetBytes + 1))));
  return `--long=${bits}`;
}

const ZSTD: PeerSetting = {
  name: '--ultra -22 --long',
  create: ({ base, target, patch }, sizes) => [
    ...['zstd', '-q', '-f', '--ultra', '-22', zstdWindow(sizes)],
    ...[`--patch-from=${base}`, target, '-o', patch],
  ],
  apply: ({ base, patch, made }, sizes) => [
    ...['zstd', '-q', '-f', '-d', zstdWindow(sizes)],
    ...[`--patch-from=${base}`, patch, '-o', made],
  ],
};

const BSDIFF: PeerSetting = {
  name: 'bzip2',
  create: ({ base, target, patch }) => ['bsdiff', base, target, patch],
  apply: ({ base, patch, made }) => ['bspatch', base, made, patch],
};

const xdelta = (secondary: string): PeerSetting => ({
  name: `-9 -S ${secondary}`,
  create: ({ base, target, patch }, sizes) => [
    ...['xdelta3', '-9', '-S', secondary, '-B', xdeltaWindow(sizes), '-W', String(16 * MIB)],
    ...['-f', '-e', '-s', base, target, patch],
  ],
  apply: ({ base, patch, made }, sizes) => [
    ...['xdelta3', '-B', xdeltaWindow(sizes), '-f', '-d', '-s', base, patch, made],
  ],
});

/** The whole base, so that it finds what moved far. */
function xdeltaWindow({ baseBytes }: PairSizes): string {
  return String(2 ** Math.ceil(Math.log2(Math.max(baseBytes, MIB))));
}

const detools = (compression: string, mostTargetBytes?: number): PeerSetting => ({
  name: `sequential ${compression}`,
  ...(mostTargetBytes !== undefined && { mostTargetBytes }),
  create: ({ base, target, patch }) => [
    ...['detools', 'create_patch', '-t', 'sequential', '-c', compression, base, target, patch],
  ],
  apply: ({ base, patch, made }) => ['detools', 'apply_patch', base, patch, made],
});

const HDIFF_CREATE = `
import sys
from hdiffpatch import *
form, base, target, patch = sys.argv[1:]
base, target = (open(path, 'rb').read() for path in (base, target))
form = {
  'lzma2': Lzma2Config(level=9, window=26),
  'zstd': ZStdConfig(level=22, window=27),
  'bzip2': BZip2Config(level=9),
}[form]
open(patch, 'wb').write(diff(base, target, compression=form, validate=False))
`;
const HDIFF_APPLY = `
import sys, hdiffpatch
base, patch, made = sys.argv[1:]
base, patch = (open(path, 'rb').read() for path in (base, patch))
open(made, 'wb').write(hdiffpatch.apply(base, patch))
`;

const hdiff = (compression: 'lzma2' | 'zstd' | 'bzip2'): PeerSetting => ({
  name: compression,
  create: ({ base, target, patch }) => [
    ...['python3', '-c', HDIFF_CREATE, compression, base, target, patch],
  ],
  apply: ({ base, patch, made }) => ['python3', '-c', HDIFF_APPLY, base, patch, made],
});

/** The peers on this machine, and why the others were left out. */
export function findPeers(): { peers: Peer[]; skipped: string[] } {
  const peers: Peer[] = [];
  const skipped: string[] = [];
  const add = (name: string, ask: readonly string[], settings: readonly PeerSetting[]): void => {
    const [program = '', ...args] = ask;
    const { error, status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8' });
    if (error !== undefined || (status !== 0 && args.length > 0)) {
      skipped.push(`${name}: \`${program}\` does not run`);
      return;
    }
    const version = /\d+\.\d+(\.\d+)?/.exec(stdout + stderr)?.[0] ?? 'names no version';
    peers.push({ name, version, settings });
  };
  add('bsdiff', ['bsdiff'], [BSDIFF]);
  add('xdelta3', ['xdelta3', '-V'], [xdelta('lzma'), xdelta('djw')]);
  add('zstd', ['zstd', '--version'], [ZSTD]);
  add(
    'detools',
    ['detools', '--version'],
    [
      detools('lzma'),
      detools('heatshrink', MICROCONTROLLER_BYTES),
      detools('crle', MICROCONTROLLER_BYTES),
    ],
  );
  const version = "import hdiffpatch, importlib.metadata as m; print(m.version('hdiffpatch'))";
  add('hdiffpatch', ['python3', '-c', version], [hdiff('lzma2'), hdiff('zstd'), hdiff('bzip2')]);
  return { peers, skipped };
}
