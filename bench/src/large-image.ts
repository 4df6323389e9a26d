import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import {
  takeLargeImage,
  type LargeImageResult,
} from '@flotilla/device-agent/src/testing/large-image.ts';
import { atLeast, atMost, type BenchResult } from './harness/bench.ts';
import { formatTable } from './harness/table.ts';

const MIB = 1024 * 1024;

/**
 * Question: does the agent's memory depend on the size of an image?
 * Load: an image of 64 MiB and one of --mib (1024) from a server over HTTP as zstd frames, through an
 * agent that is a process of its own, into a file that stands for a partition; checked, read back and
 * armed. Judge: the slot's digest, and the kernel's peak of the process's resident memory (VmHWM).
 */
export async function run(args: readonly string[]): Promise<BenchResult> {
  const { values } = parseArgs({
    args: [...args],
    options: { mib: { type: 'string', default: '1024' } },
  });
  const largeMib = Number(values.mib);
  const small = await take(64);
  const large = await take(largeMib);
  const growthMib = (large.usage.peakRssBytes - small.usage.peakRssBytes) / MIB;
  console.log(formatTable(HEADERS, [row(64, small), row(largeMib, large)]));
  return {
    figures: { largeMib, small, large },
    goals: [
      atLeast('slots that hold exactly the image', count([small, large]), 2, 'slots'),
      atMost('peak memory of the agent', round(large.usage.peakRssBytes / MIB), 256, 'MiB'),
      atMost('more memory for the large image', round(growthMib), 24, 'MiB'),
    ],
  };
}

const HEADERS = ['image MiB', 'served MiB', 'idle RSS MiB', 'peak RSS MiB', 'CPU s', 'elapsed s'];

async function take(mib: number): Promise<LargeImageResult> {
  const folder = await mkdtemp(join(tmpdir(), 'flotilla-large-image-'));
  try {
    return await takeLargeImage(folder, mib * MIB);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function row(mib: number, { usage, servedBytes }: LargeImageResult): string[] {
  const inMib = (bytes: number) => String(round(bytes / MIB));
  return [
    String(mib),
    inMib(servedBytes),
    inMib(usage.idleRssBytes),
    inMib(usage.peakRssBytes),
    String(round(usage.cpuMs / 1000)),
    String(round(usage.elapsedMs / 1000)),
  ];
}

const count = (results: readonly LargeImageResult[]) =>
  results.filter(({ isIntact }) => isIntact).length;

const round = (value: number) => Math.round(value * 10) / 10;
