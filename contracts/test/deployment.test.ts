import { describe, expect, it } from 'vitest';
import { pollResponseSchema } from '../src/deployment.ts';

describe('the answer to a poll', () => {
  it.each([1, 30_000, 86_400_000])('may ask for the next in %d ms', (pollAfterMs) => {
    expect(pollResponseSchema.safeParse({ pollAfterMs, deployment: null }).success).toBe(true);
  });

  it.each([0, -1, 1.5, 86_400_001, 2 ** 31])(
    'may not silence a device or have it hammer the server: %d ms',
    (pollAfterMs) => {
      expect(pollResponseSchema.safeParse({ pollAfterMs, deployment: null }).success).toBe(false);
    },
  );
});
