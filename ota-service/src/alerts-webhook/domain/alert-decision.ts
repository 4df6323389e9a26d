import type { AlertOutcome, WebhookAlert } from '@flotilla/contracts';

/** Receipts are kept as long; an older alert is no news. */
export const MAX_ALERT_AGE_MS = 7 * 86_400_000;
/** Clocks differ a little. */
const MAX_AHEAD_MS = 5 * 60_000;

export interface AlertContext {
  /** Null when there is no such campaign, or the alert names none. */
  readonly campaign: { readonly isRunning: boolean; readonly roundStartedAtMs: number } | null;
  /** Starts of alerts with this fingerprint that were acted on. */
  readonly receivedStartsMs: readonly number[];
}

export type AlertDecision =
  | { readonly act: 'pause' }
  /** `isNews`: to be remembered, so that its repeats are known. */
  | {
      readonly act: 'none';
      readonly outcome: Exclude<AlertOutcome, 'paused'>;
      readonly isNews: boolean;
      readonly detail: string;
    };

/**
 * May this alert pause its campaign? Alertmanager sends a firing alert again and again, after restarts
 * out of order, and anyone who recorded a request could send it once more. An alert acts once; one that
 * began before the round in which the campaign is now speaks of what an operator has already answered.
 */
export function decideAlert(
  alert: WebhookAlert,
  context: AlertContext,
  nowMs: number,
): AlertDecision {
  const none = (
    outcome: Exclude<AlertOutcome, 'paused'>,
    detail: string,
    isNews = false,
  ): AlertDecision => ({ act: 'none', outcome, isNews, detail });
  if (alert.status === 'resolved') {
    return none('resolved', 'an alert that ended starts nothing; an operator resumes');
  }
  if (context.campaign === null) return none('no_campaign', 'it names no campaign that there is');
  const startsAtMs = Date.parse(alert.startsAt);
  const newest = Math.max(...context.receivedStartsMs);
  if (context.receivedStartsMs.includes(startsAtMs)) {
    return none('repeated', 'it was acted on before');
  }
  if (startsAtMs < newest) return none('stale', 'a newer alert of its kind was acted on');
  if (startsAtMs < nowMs - MAX_ALERT_AGE_MS) return none('stale', 'it began too long ago');
  if (startsAtMs > nowMs + MAX_AHEAD_MS) return none('stale', 'it begins in the future');
  if (startsAtMs < context.campaign.roundStartedAtMs) {
    return none('stale', "it began before the campaign's round");
  }
  if (!context.campaign.isRunning) {
    return none('not_running', 'the campaign is not running', true);
  }
  return { act: 'pause' };
}
