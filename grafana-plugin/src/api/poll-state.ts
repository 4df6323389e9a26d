import { isOutage, type ApiFailure, type ApiResult } from './api-failure.ts';

/** What a page knows of its resource. Data outlives an outage; `failure` says how the last try ended. */
export interface PollState<T> {
  readonly data: T | null;
  readonly updatedAtMs: number | null;
  readonly failure: ApiFailure | null;
}

export function initialPollState<T>(data: T | null, updatedAtMs: number | null): PollState<T> {
  return { data, updatedAtMs, failure: null };
}

export function afterAnswer<T>(
  state: PollState<T>,
  result: ApiResult<T>,
  nowMs: number,
): PollState<T> {
  if (result.ok) return { data: result.value, updatedAtMs: nowMs, failure: null };
  // A refusal (404, 403) is news about the resource itself: what was shown is no longer true.
  if (!isOutage(result.failure)) return { data: null, updatedAtMs: null, failure: result.failure };
  return { ...state, failure: result.failure };
}

export type Freshness = 'loading' | 'live' | 'stale' | 'failed';

export function freshness(state: PollState<unknown>): Freshness {
  if (state.data !== null) return state.failure === null ? 'live' : 'stale';
  return state.failure === null ? 'loading' : 'failed';
}
