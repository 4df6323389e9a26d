import type { PollResponse } from '@flotilla/contracts';
import { abortableDelay } from '../abortable-delay.ts';
import type { PreconditionDecision } from './domain/maintenance-window.ts';

export interface OfferWatch {
  /** Until the next poll is due. */
  readonly delayMs: () => number;
  /** Null when there was no answer. */
  readonly poll: (signal: AbortSignal) => Promise<PollResponse | null>;
  readonly isOffered: (response: PollResponse) => boolean;
  /** What must hold as long as the work goes on. */
  readonly check: () => Promise<PreconditionDecision>;
}

export type Watched<T> =
  | { readonly kind: 'done'; readonly value: T }
  | { readonly kind: 'withdrawn' }
  | { readonly kind: 'closed'; readonly wait: Exclude<PreconditionDecision, { kind: 'go' }> }
  | { readonly kind: 'stopped' };

/**
 * Does the work while ota-service keeps offering it and its conditions hold: as soon as one of them
 * ends, so does the signal that the work was given, and what it returns after that is dropped.
 */
export async function whileOffered<T>(
  watch: OfferWatch,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<Watched<T>> {
  const over = new AbortController();
  const watched = AbortSignal.any([signal, over.signal]);
  const watching = untilNoLonger(watch, watched).finally(() => over.abort());
  // Awaited below in any case; the work comes first.
  watching.catch(() => undefined);
  try {
    const value = await work(watched);
    over.abort();
    const verdict = await watching;
    return verdict ?? (signal.aborted ? { kind: 'stopped' } : { kind: 'done', value });
  } finally {
    over.abort();
    await watching;
  }
}

async function untilNoLonger(
  watch: OfferWatch,
  signal: AbortSignal,
): Promise<Exclude<Watched<never>, { kind: 'done' }> | null> {
  while (!signal.aborted) {
    await abortableDelay(watch.delayMs(), signal);
    if (signal.aborted) return null;
    const decision = await watch.check();
    if (decision.kind === 'wait') return { kind: 'closed', wait: decision };
    const response = await watch.poll(signal);
    if (response !== null && !watch.isOffered(response)) return { kind: 'withdrawn' };
  }
  return null;
}
