import { parentPort, workerData } from 'node:worker_threads';
import {
  applyDelta,
  deltaChunks,
  openFileBase,
  openFileImage,
  readDeltaHeader,
} from '@flotilla/delta';
import { z } from 'zod';

const jobSchema = z.object({
  baseFile: z.string(),
  targetFile: z.string(),
  maxBytes: z.number(),
});

/**
 * Runs on a thread of its own: a delta takes seconds of CPU, and the service must answer meanwhile.
 * Posts the delta's bytes, or the beginning of one that exceeds `maxBytes`; what it throws reaches
 * the parent as the worker's `error`.
 */
const job = jobSchema.parse(workerData);
const delta = createFromFiles();
if (delta.length <= job.maxBytes) await verify(delta);
parentPort?.postMessage(new Uint8Array(delta));

function createFromFiles(): Buffer {
  const base = openFileImage(job.baseFile);
  const parts: Uint8Array[] = [];
  let sizeBytes = 0;
  try {
    const target = openFileImage(job.targetFile);
    try {
      for (const part of deltaChunks(base, target)) {
        parts.push(part);
        sizeBytes += part.length;
        if (sizeBytes > job.maxBytes) break;
      }
    } finally {
      target.close();
    }
  } finally {
    base.close();
  }
  return Buffer.concat(parts);
}

/** Applied once here, so that no device downloads a delta that does not yield the target. */
async function verify(patch: Uint8Array): Promise<void> {
  const base = await openFileBase(job.baseFile);
  try {
    const limits = { maxTargetSizeBytes: readDeltaHeader(patch).targetSizeBytes };
    await applyDelta({ base, patch: once(patch), write: () => Promise.resolve(), limits });
  } finally {
    await base.close();
  }
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(bytes);
}
