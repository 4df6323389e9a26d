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
import { uploadLargeImage, type UploadResult } from './large-image/service-upload.ts';

const MIB = 1024 * 1024;

/**
 * Question: does the agent's memory depend on the size of an image, or the service's that takes it in?
 * Load: an image of 64 MiB and one of --mib (1024) from a server over HTTP as zstd frames, through an
 * agent that is a process of its own, into a file that stands for a partition; checked, read back and
 * armed. Before that, images of both sizes from a publisher into ota-service with its registry, which
 * hashes, checks and compresses them. Judge: the slot's digest, the draft's size, and the kernel's peak of the process's resident memory (VmHWM).
 */
export async function run(args: readonly string[]): Promise<BenchResult> {
  const { values } = parseArgs({
    args: [...args],
    options: { mib: { type: 'string', default: '1024' } },
  });
  const largeMib = Number(values.mib);
  const smallUpload = await inFolder((folder) => uploadLargeImage(folder, 64 * MIB));
  const largeUpload = await inFolder((folder) => uploadLargeImage(folder, largeMib * MIB));
  const uploadGrowthMib = (largeUpload.peakRssBytes - smallUpload.peakRssBytes) / MIB;
  console.log('ota-service takes an image in');
  console.log(
    formatTable(UPLOAD_HEADERS, [uploadRow(64, smallUpload), uploadRow(largeMib, largeUpload)]),
  );
  const small = await take(64);
  const large = await take(largeMib);
  const growthMib = (large.usage.peakRssBytes - small.usage.peakRssBytes) / MIB;
  console.log('the agent writes it to its slot');
  console.log(formatTable(HEADERS, [row(64, small), row(largeMib, large)]));
  return {
    figures: { largeMib, small, large, smallUpload, largeUpload },
    goals: [
      atLeast('slots that hold exactly the image', count([small, large]), 2, 'slots'),
      atMost('peak memory of the agent', round(large.usage.peakRssBytes / MIB), 256, 'MiB'),
      atMost('more memory for the large image', round(growthMib), 24, 'MiB'),
      atLeast('uploads taken in whole', wholeUploads([smallUpload, largeUpload]), 2, 'uploads'),
      atMost('more memory of the service for it', round(uploadGrowthMib), 64, 'MiB'),
    ],
  };
}

const HEADERS = ['image MiB', 'served MiB', 'idle RSS MiB', 'peak RSS MiB', 'CPU s', 'elapsed s'];

const UPLOAD_HEADERS = ['image MiB', 'idle RSS MiB', 'peak RSS MiB', 'elapsed s'];

const take = (mib: number) => inFolder((folder) => takeLargeImage(folder, mib * MIB));

async function inFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'flotilla-large-image-'));
  try {
    return await work(folder);
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

function uploadRow(mib: number, result: UploadResult): string[] {
  const { idleRssBytes, peakRssBytes, elapsedMs } = result;
  const figures = [idleRssBytes / MIB, peakRssBytes / MIB, elapsedMs / 1000];
  return [mib, ...figures.map(round)].map(String);
}

const wholeUploads = (results: readonly UploadResult[]) =>
  results.filter(({ isWhole }) => isWhole).length;

const count = (results: readonly LargeImageResult[]) =>
  results.filter(({ isIntact }) => isIntact).length;

const round = (value: number) => Math.round(value * 10) / 10;
