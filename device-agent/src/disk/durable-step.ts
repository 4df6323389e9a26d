/**
 * Runs one durable write under a name such as `journal:VERIFIED`. Every write that a restart depends
 * on goes through it, so that a test can cut the power before or after each of them.
 */
export type DurableStep = (name: string, write: () => Promise<void>) => Promise<void>;

export const writeThrough: DurableStep = (_name, write) => write();
