/** What one attempt to send a batch came to. */
export type SendObservation =
  | { readonly kind: 'response'; readonly status: number; readonly retryAfterMs: number | null }
  /** No answer: refused, reset, timed out, name not found. */
  | { readonly kind: 'no_response' };

export type SendDecision =
  /** The collector has the batch. */
  | { readonly action: 'delete' }
  /** The collector will never take this batch; go on with the next. */
  | { readonly action: 'drop' }
  /** Keep the batch and everything behind it. `imposed`: the server named the time, do not call earlier. */
  | { readonly action: 'retry'; readonly delayMs: number; readonly imposed: boolean };

export interface RetryPolicy {
  /** Upper end of the first delay; it doubles with every failure in a row. */
  readonly baseDelayMs: number;
  readonly maxDelayMs: number;
  /** Upper end of the delay when credentials or address are wrong and only an operator can help. */
  readonly slowDelayMs: number;
}

export const DEFAULT_RETRY_POLICY: RetryPolicy = {
  baseDelayMs: 500,
  maxDelayMs: 30_000,
  slowDelayMs: 60_000,
};

/** Retryable response codes (OTLP 1.x, "Retryable Response Codes"). */
const RETRYABLE = new Set([429, 502, 503, 504]);

/**
 * Answers about the way there, not about the batch: the next batch would meet the same. Dropping on
 * them would empty days of telemetry into a wrong URL or an expired token; the queue's bounds still
 * hold.
 */
const NOT_ABOUT_THE_BATCH = new Set([401, 404, 407]);

/**
 * `failures`: failed attempts in a row before this one. `random`: uniform in [0, 1).
 * All other 4xx and 5xx must not be retried (OTLP 1.x, "Failures").
 */
export function decideSend(
  observation: SendObservation,
  failures: number,
  random: number,
  policy: RetryPolicy = DEFAULT_RETRY_POLICY,
): SendDecision {
  const jitterMs = fullJitter(failures, random, policy);
  if (observation.kind === 'no_response') {
    return { action: 'retry', delayMs: jitterMs, imposed: false };
  }
  const { status, retryAfterMs } = observation;
  if (status >= 200 && status < 300) return { action: 'delete' };
  if (RETRYABLE.has(status)) {
    if (retryAfterMs === null) return { action: 'retry', delayMs: jitterMs, imposed: false };
    // The jitter comes on top: a fleet told the same time must not return in the same instant.
    return { action: 'retry', delayMs: retryAfterMs + jitterMs, imposed: true };
  }
  if (NOT_ABOUT_THE_BATCH.has(status) || (status >= 300 && status < 400)) {
    const delayMs = Math.round(policy.slowDelayMs * (0.5 + random / 2));
    return { action: 'retry', delayMs, imposed: false };
  }
  return { action: 'drop' };
}

/** Uniform between 0 and the exponential ceiling, so that devices cut off together spread out. */
function fullJitter(failures: number, random: number, policy: RetryPolicy): number {
  const ceilingMs = Math.min(policy.maxDelayMs, policy.baseDelayMs * 2 ** Math.min(failures, 30));
  return Math.round(random * ceilingMs);
}
