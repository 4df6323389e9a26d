import { execFileSync, spawnSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { constants, zstdCompressSync } from 'node:zlib';
import type { Pair } from './corpus.ts';

export interface Peer {
  readonly name: string;
  readonly version: string;
  /** Bytes of patch. `paths` hold the pair on disk. */
  measure(pair: Pair, paths: PairPaths): number;
}

export interface PairPaths {
  readonly base: string;
  readonly target: string;
  readonly patch: string;
}

/** `zstd --patch-from` at level 22: the base as a dictionary in a window that spans both images. */
const zstd: Peer = {
  name: 'zstd-22',
  version: process.versions['zstd'] ?? 'unknown',
  measure: ({ base, target }) =>
    zstdCompressSync(target, {
      dictionary: base,
      params: {
        [constants.ZSTD_c_compressionLevel]: 22,
        [constants.ZSTD_c_windowLog]: windowLog(base.length + target.length),
        [constants.ZSTD_c_enableLongDistanceMatching]: 1,
      },
    }).length,
};

function windowLog(sizeBytes: number): number {
  return Math.min(30, Math.max(10, Math.ceil(Math.log2(sizeBytes + 1))));
}

function command(name: string, version: string, run: (paths: PairPaths) => void): Peer {
  return {
    name,
    version,
    measure(_pair, paths) {
      run(paths);
      return statSync(paths.patch).size;
    },
  };
}

/** The peers on this machine, and why the others were left out. */
export function findPeers(): { peers: Peer[]; skipped: string[] } {
  const peers = [zstd];
  const skipped: string[] = [];
  if (isOnPath('bsdiff')) {
    peers.push(
      command('bsdiff', '4.x (it names no version)', ({ base, target, patch }) => {
        execFileSync('bsdiff', [base, target, patch]);
      }),
    );
  } else {
    skipped.push('bsdiff: not on PATH');
  }
  if (isOnPath('xdelta3')) {
    const version = spawnSync('xdelta3', ['-V'], { encoding: 'utf8' }).stderr.split('\n')[0] ?? '';
    peers.push(
      command('xdelta3', version, ({ base, target, patch }) => {
        execFileSync('xdelta3', ['-9', '-S', 'lzma', '-f', '-e', '-s', base, target, patch]);
      }),
    );
  } else {
    skipped.push('xdelta3: not on PATH');
  }
  if (isOnPath('detools')) {
    peers.push(
      command('detools', 'lzma', ({ base, target, patch }) => {
        execFileSync('detools', ['create_patch', '-c', 'lzma', base, target, patch], {
          stdio: 'pipe',
        });
      }),
    );
  } else {
    skipped.push('detools: not on PATH');
  }
  if (spawnSync('python3', ['-c', 'import hdiffpatch']).status === 0) {
    peers.push(
      command('hdiffpatch', 'lzma2', ({ base, target, patch }) => {
        execFileSync('python3', ['-c', HDIFFPATCH, base, target, patch]);
      }),
    );
  } else {
    skipped.push('hdiffpatch: not a module of python3');
  }
  return { peers, skipped };
}

const HDIFFPATCH = `
import sys, hdiffpatch
base, target = (open(path, 'rb').read() for path in sys.argv[1:3])
open(sys.argv[3], 'wb').write(hdiffpatch.diff(base, target, compression='lzma2'))
`;

function isOnPath(program: string): boolean {
  const { error } = spawnSync(program, [], { stdio: 'ignore' });
  return error === undefined;
}
