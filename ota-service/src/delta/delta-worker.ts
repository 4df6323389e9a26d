import { readFile, stat } from 'node:fs/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { applyDelta, bufferBase, createDelta } from '@flotilla/delta';
import { z } from 'zod';

/** The codec takes about 14 bytes of memory per byte of base; larger images are sent whole. */
const MAX_IMAGE_BYTES = 256 * 1024 * 1024;

const jobSchema = z.object({ baseFile: z.string(), targetFile: z.string() });

/**
 * Runs on a thread of its own: a delta takes seconds of CPU, and the service must answer meanwhile.
 * Posts the delta's bytes; what it throws reaches the parent as the worker's `error`.
 */
const job = jobSchema.parse(workerData);
const base = await readImage(job.baseFile);
const target = await readImage(job.targetFile);
const delta = createDelta(base, target);

// Applied once here, so that no device downloads a delta that does not yield the target.
await applyDelta({
  base: bufferBase(base),
  patch: once(delta),
  write: () => Promise.resolve(),
});
parentPort?.postMessage(new Uint8Array(delta));

async function readImage(file: string): Promise<Uint8Array> {
  const { size } = await stat(file);
  if (size > MAX_IMAGE_BYTES) {
    throw new RangeError(`an image of ${size} bytes is too large for a delta`);
  }
  return readFile(file);
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(bytes);
}
