import { NotFoundError, TooLargeError } from '@flotilla/trust';
import { isTooSlow, type PaceRule } from './domain/slow-transfer.ts';

export interface MetadataFetcherOptions {
  /** The address of a path on ota-service. */
  readonly resolve: (path: string) => string;
  /** With the device's token. */
  readonly headers: () => Readonly<Record<string, string>>;
  /** Instead of the platform's. */
  readonly fetch?: typeof fetch;
  readonly pace: PaceRule;
  readonly monotonicNow: () => number;
}

/** A line that carries less than this would need hours for a fleet's targets. */
export const METADATA_PACE = { minBytesPerSecond: 256, maxMs: 900_000 };

const PATH = '/device/v1/tuf/';
const MAX_WATCH_MS = 1000;

/** Metadata over HTTP, with a bound on bytes and on slowness: both ends of it may be hostile. */
export class MetadataFetcher {
  readonly #options: MetadataFetcherOptions;

  constructor(options: MetadataFetcherOptions) {
    this.#options = options;
  }

  /** Throws NotFoundError, TooLargeError, or what the network did. */
  async fetch(file: string, maxBytes: number, signal: AbortSignal): Promise<Buffer> {
    const { pace, monotonicNow } = this.#options;
    const startedMs = monotonicNow();
    const slow = new AbortController();
    let receivedBytes = 0;
    const watch = setInterval(
      () => {
        if (!isTooSlow(monotonicNow() - startedMs, receivedBytes, pace)) return;
        slow.abort(
          new SlowMetadataError(`${file}: ${receivedBytes} bytes is all that came in time`),
        );
      },
      Math.min(MAX_WATCH_MS, pace.graceMs),
    );
    try {
      const body = await this.#open(file, AbortSignal.any([signal, slow.signal]));
      const chunks: Uint8Array[] = [];
      for await (const chunk of body) {
        receivedBytes += chunk.length;
        if (receivedBytes > maxBytes) {
          throw new TooLargeError(`${file} is larger than the ${maxBytes} bytes it may have`);
        }
        chunks.push(chunk);
      }
      return Buffer.concat(chunks);
    } finally {
      clearInterval(watch);
    }
  }

  async #open(file: string, signal: AbortSignal): Promise<ReadableStream<Uint8Array>> {
    const { resolve, headers, fetch: ask = fetch } = this.#options;
    // A redirect would show the token to whoever it names.
    const response = await ask(resolve(`${PATH}${file}`), {
      headers: headers(),
      redirect: 'error',
      signal,
    });
    if (response.ok && response.body !== null) return response.body;
    await response.body?.cancel();
    if (response.status === 404) throw new NotFoundError(file);
    throw new Error(`${file}: ota-service answered ${response.status}`);
  }
}

export class SlowMetadataError extends Error {
  override readonly name = 'SlowMetadataError';
}
