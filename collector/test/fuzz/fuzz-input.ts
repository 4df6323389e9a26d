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

/** An HTTP status or a gRPC code; in words what came instead of one. */
export type Answer = number | string;

/** A way to break a request, and every answer there may be to it. */
export interface Mutation<Input> {
  readonly name: string;
  readonly expected: readonly Answer[];
  /** Every n-th turn of the class only; for inputs that cost a hundred times the others. */
  readonly every?: number;
  readonly make: (random: SeededRandom) => Input;
}
export type MutationClass = Mutation<FuzzRequest>;

/** Sends inputs of one transport. */
export interface FuzzTarget<Input> {
  /** What a request in order is answered with. */
  readonly healthyAnswer: Answer;
  send(input: Input): Promise<Answer>;
  healthy(): Promise<Answer>;
  describe(input: Input): string;
}

export const DEVICE = 'device-1';
export const MAX_BODY_BYTES = 1024 * 1024;
