import { Worker } from 'node:worker_threads';

/** Of JavaScript objects, such as edits; images and tables lie outside, bounded by the codec. */
const MAX_HEAP_MIB = 1024;

export interface DeltaFiles {
  readonly baseFile: string;
  readonly targetFile: string;
  /** A delta larger than this is of no use: making it may stop there. */
  readonly maxBytes: number;
}

/** Computes a delta on a thread of its own. Rejects with the codec's error, or when aborted. */
export function computeDelta(files: DeltaFiles, signal: AbortSignal): Promise<Uint8Array> {
  signal.throwIfAborted();
  const worker = new Worker(new URL('./delta-worker.ts', import.meta.url), {
    workerData: files,
    resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MIB },
  });
  return new Promise<Uint8Array>((resolve, reject) => {
    const stop = () => {
      void worker.terminate();
      reject(signal.reason as Error);
    };
    signal.addEventListener('abort', stop, { once: true });
    worker.once('message', (delta: Uint8Array) => resolve(delta));
    worker.once('error', reject);
    worker.once('exit', (code) => {
      signal.removeEventListener('abort', stop);
      // Settles only when neither a message nor an error came first, e.g. out of memory.
      reject(new DeltaWorkerError(`the delta worker ended with code ${code} and no result`));
    });
  });
}

export class DeltaWorkerError extends Error {
  override readonly name = 'DeltaWorkerError';
}
