import type { SeededRandom } from './seeded-random.ts';

/** One request of the fuzzer. What is left out stays as in a healthy request. */
export interface FuzzRequest {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string | null>>;
  readonly body: Buffer;
  /** Sent with `transfer-encoding: chunked`, so that nothing announces its size. */
  readonly chunked?: boolean;
}

/** A way to break a request, and every status that may answer it. */
export interface MutationClass {
  readonly name: string;
  readonly expected: readonly number[];
  /** Every n-th turn of the class only; for inputs that cost a hundred times the others. */
  readonly every?: number;
  readonly make: (random: SeededRandom) => FuzzRequest;
}

export const DEVICE = 'device-1';
export const MAX_BODY_BYTES = 1024 * 1024;
