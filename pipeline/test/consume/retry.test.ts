import { describe, expect, it } from 'vitest';
import { retryForever } from '../../src/consume/retry.ts';

const quick = { random: () => 0, firstDelayMs: 1, maxDelayMs: 2 };

describe('retryForever', () => {
  it('repeats until it succeeds and counts attempts', async () => {
    const seen: number[] = [];
    const result = await retryForever(
      (attempt) => (attempt < 4 ? Promise.reject(new Error('no')) : Promise.resolve(attempt)),
      {
        ...quick,
        signal: new AbortController().signal,
        onFailure: (_error, attempt) => seen.push(attempt),
      },
    );
    expect(result).toBe(4);
    expect(seen).toEqual([1, 2, 3]);
  });

  it('ends at an abort, also while it waits', async () => {
    const abort = new AbortController();
    const work = retryForever(() => Promise.reject(new Error('no')), {
      signal: abort.signal,
      random: () => 1,
      firstDelayMs: 60_000,
      maxDelayMs: 60_000,
      onFailure: () => setImmediate(() => abort.abort()),
    });
    await expect(work).rejects.toMatchObject({ name: 'AbortError' });
  });

  it('gives up when told to', async () => {
    const fatal = new Error('fatal');
    const work = retryForever(() => Promise.reject(fatal), {
      ...quick,
      signal: new AbortController().signal,
      onFailure: (error) => {
        throw error;
      },
    });
    await expect(work).rejects.toBe(fatal);
  });
});
