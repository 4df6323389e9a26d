import { describe, expect, it } from 'vitest';
import type { ApiFailure } from '../../src/api/api-failure.ts';
import { afterAnswer, freshness, initialPollState } from '../../src/api/poll-state.ts';

const outage: ApiFailure = { kind: 'unreachable', title: 'The server does not answer', detail: '' };
const problem = (code: 'not_found' | 'internal', status: number): ApiFailure => ({
  kind: 'problem',
  title: code,
  detail: '',
  problem: { type: `https://flotilla.dev/problems/${code}`, title: code, status, code },
});

describe('poll state', () => {
  const empty = initialPollState<string>(null, null);
  const live = afterAnswer(empty, { ok: true, value: 'a' }, 1000);

  it('goes from loading to live', () => {
    expect(freshness(empty)).toBe('loading');
    expect(live).toEqual({ data: 'a', updatedAtMs: 1000, failure: null });
    expect(freshness(live)).toBe('live');
  });

  it('keeps old data, and its age, through an outage', () => {
    const stale = afterAnswer(live, { ok: false, failure: outage }, 9000);
    expect(stale).toEqual({ data: 'a', updatedAtMs: 1000, failure: outage });
    expect(freshness(stale)).toBe('stale');
    expect(freshness(afterAnswer(stale, { ok: true, value: 'b' }, 11_000))).toBe('live');
  });

  it('takes a fault of the service for an outage', () => {
    const failure = problem('internal', 500);
    expect(freshness(afterAnswer(live, { ok: false, failure }, 2000))).toBe('stale');
  });

  it('drops data that the service says is not there', () => {
    const gone = afterAnswer(live, { ok: false, failure: problem('not_found', 404) }, 2000);
    expect(gone.data).toBeNull();
    expect(freshness(gone)).toBe('failed');
  });

  it('says failed when there never was data', () => {
    expect(freshness(afterAnswer(empty, { ok: false, failure: outage }, 1))).toBe('failed');
  });
});
