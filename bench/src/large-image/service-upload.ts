import { randomFillSync } from 'node:crypto';
import { openAsBlob } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { ApiClient } from '@flotilla/stack/src/client/api-client.ts';
import { readOperatorToken } from '@flotilla/stack/src/data-folder.ts';
import { Shutdown } from '@flotilla/stack/src/shutdown.ts';
import { peakMemoryOf, residentMemoryOf } from '../ingest/process-cost.ts';
import { openStack } from '../polls/stack-under-test.ts';

const FRAME_BYTES = 4 * 1024 * 1024;
/** Of each frame; the rest repeats, as of a file system that is not full. */
const NOISE_BYTES = 256 * 1024;

export interface UploadResult {
  readonly idleRssBytes: number;
  readonly peakRssBytes: number;
  readonly elapsedMs: number;
  /** Whether the draft has the size of what was sent. */
  readonly isWhole: boolean;
}

/** An image of `sizeBytes` from a publisher into ota-service, a process of its own below `folder`. */
export async function uploadLargeImage(folder: string, sizeBytes: number): Promise<UploadResult> {
  const file = join(folder, 'image');
  await writeImage(file, sizeBytes);
  const shutdown = new Shutdown();
  try {
    const stack = await openStack({ root: join(folder, 'stack'), devices: 1 }, shutdown);
    const api = new ApiClient(stack.otaUrl, readOperatorToken(stack.folder));
    const idleRssBytes = await residentMemoryOf(stack.ota.pid);
    const startedMs = performance.now();
    const blob = await openAsBlob(file);
    const { sizeBytes: taken } = await api.uploadFirmware('large', '1.0.0', blob, 'image');
    return {
      idleRssBytes,
      peakRssBytes: await peakMemoryOf(stack.ota.pid),
      elapsedMs: Math.round(performance.now() - startedMs),
      isWhole: taken === sizeBytes,
    };
  } finally {
    await shutdown.run();
  }
}

async function writeImage(path: string, sizeBytes: number): Promise<void> {
  const frame = Buffer.alloc(FRAME_BYTES, 'an image ');
  const file = await open(path, 'w');
  try {
    for (let at = 0; at < sizeBytes; at += FRAME_BYTES) {
      randomFillSync(frame, 0, NOISE_BYTES);
      await file.writeFile(frame.subarray(0, sizeBytes - at));
    }
  } finally {
    await file.close();
  }
}
