import { useCallback, useEffect, useRef, useState } from 'react';
import { useHost } from '../host/host-context.tsx';
import type { ApiClient } from './client.ts';
import type { ApiResult } from './api-failure.ts';
import { afterAnswer, initialPollState, type PollState } from './poll-state.ts';

export const POLL_INTERVAL_MS = 2000;

export interface Poll<T> extends PollState<T> {
  /** Asks now, e.g. after an action; resolves when the answer is shown. */
  readonly refresh: () => Promise<void>;
}

type Load<T> = (api: ApiClient, signal: AbortSignal) => Promise<ApiResult<T>>;

export interface PollOptions {
  readonly intervalMs?: number;
}

/**
 * Asks every two seconds while the tab is visible, and at once when it becomes visible again. The
 * next question waits for the last answer, so a slow server is never asked twice at a time.
 * `key` names the resource; `load` is read when the key changes.
 */
export function usePoll<T>(key: string, load: Load<T>, options: PollOptions = {}): Poll<T> {
  const { intervalMs = POLL_INTERVAL_MS } = options;
  const { api, cache } = useHost();
  const [state, setState] = useState<PollState<T>>(() => {
    const cached = cache.get(key);
    return initialPollState((cached?.data as T | undefined) ?? null, cached?.updatedAtMs ?? null);
  });
  const loadRef = useRef(load);
  loadRef.current = load;
  const askRef = useRef<() => Promise<void>>(() => Promise.resolve());

  useEffect(() => {
    const stopped = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    let asking: AbortController | undefined;
    const ask = async (): Promise<void> => {
      clearTimeout(timer);
      asking?.abort();
      const mine = new AbortController();
      asking = mine;
      const signal = AbortSignal.any([stopped.signal, mine.signal]);
      let result: ApiResult<T>;
      try {
        result = await loadRef.current(api, signal);
      } catch (error) {
        if (signal.aborted) return;
        throw error;
      }
      if (signal.aborted) return;
      const nowMs = Date.now();
      if (result.ok) cache.set(key, { data: result.value, updatedAtMs: nowMs });
      setState((before) => afterAnswer(before, result, nowMs));
      if (!document.hidden) timer = setTimeout(() => void ask(), intervalMs);
    };
    const onVisibility = () => {
      if (document.hidden) clearTimeout(timer);
      else void ask();
    };
    askRef.current = ask;
    document.addEventListener('visibilitychange', onVisibility);
    void ask();
    return () => {
      stopped.abort();
      clearTimeout(timer);
      document.removeEventListener('visibilitychange', onVisibility);
    };
  }, [api, cache, key, intervalMs]);

  const refresh = useCallback(() => askRef.current(), []);
  return { ...state, refresh };
}
