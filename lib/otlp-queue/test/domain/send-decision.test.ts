import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decideSend,
  type RetryPolicy,
  type SendObservation,
} from '../../src/domain/send-decision.ts';

const policy: RetryPolicy = {
  baseDelayMs: 100,
  maxDelayMs: 1000,
  slowDelayMs: 60_000,
};
const answer = (status: number, retryAfterMs: number | null = null): SendObservation => ({
  kind: 'response',
  status,
  retryAfterMs,
});
const decide = (observation: SendObservation, failures = 0, random = 0.5) =>
  decideSend(observation, failures, random, policy);

describe('decideSend', () => {
  it.each([200, 202, 204])('deletes on %i', (status) => {
    expect(decide(answer(status))).toEqual({ action: 'delete' });
  });

  it.each([400, 403, 405, 408, 409, 413, 415, 422, 500, 501, 505])('gives up on %i', (status) => {
    expect(decide(answer(status, 5000))).toEqual({ action: 'drop' });
  });

  it.each([429, 502, 503, 504])('retries %i with back-off', (status) => {
    expect(decide(answer(status))).toEqual({ action: 'retry', delayMs: 50, imposed: false });
  });

  it.each([301, 302, 307, 401, 404, 407])('keeps the batch and retries %i slowly', (status) => {
    expect(decide(answer(status), 0, 0)).toEqual({
      action: 'retry',
      delayMs: 30_000,
      imposed: false,
    });
    expect(decide(answer(status), 9, 0.5)).toMatchObject({ delayMs: 45_000 });
  });

  it('doubles the ceiling with every failure in a row, up to the maximum', () => {
    const delays = [0, 1, 2, 3, 4, 5, 500].map((failures) =>
      decideSend({ kind: 'no_response' }, failures, 0.999999, policy),
    );
    expect(delays.map((d) => (d.action === 'retry' ? d.delayMs : null))).toEqual([
      100, 200, 400, 800, 1000, 1000, 1000,
    ]);
  });

  it('never comes back earlier than Retry-After, and not at exactly that moment', () => {
    expect(decide(answer(503, 3000), 0, 0)).toEqual({
      action: 'retry',
      delayMs: 3000,
      imposed: true,
    });
    expect(decide(answer(429, 3000), 1, 0.5)).toMatchObject({ delayMs: 3100 });
  });

  it('spreads over the whole interval and never beyond', () => {
    fc.assert(
      fc.property(
        fc.nat(60),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (failures, random) => {
          const decision = decide({ kind: 'no_response' }, failures, random);
          if (decision.action !== 'retry') throw new Error('must retry');
          const ceilingMs = Math.min(1000, 100 * 2 ** failures);
          expect(decision.delayMs).toBe(Math.round(random * ceilingMs));
        },
      ),
    );
  });
});
