import { isFinal, type UpdateState } from '@flotilla/contracts';
import type { Campaign } from './campaign.ts';

/** What a device did in one round of a campaign. */
export interface PastAttempt {
  readonly round: number;
  readonly state: UpdateState;
  /** When it was offered; by the registry's clock. */
  readonly startedAtMs?: number | null | undefined;
}

type Rounds = Pick<Campaign, 'round' | 'baseRound' | 'rules'>;

/** The newest try of those that count; a resume sets older ones aside. */
export function newestAttempt(
  campaign: Pick<Campaign, 'baseRound'>,
  attempts: readonly PastAttempt[],
): PastAttempt | null {
  const counting = attempts.filter(({ round }) => round >= campaign.baseRound);
  return counting.toSorted((a, b) => b.round - a.round)[0] ?? null;
}

export function hasConfirmed(attempts: readonly PastAttempt[]): boolean {
  return attempts.some(({ state }) => state === 'confirmed');
}

/** It failed, somebody said since that it shall try again, and it has tries left. */
export function isToRetry(campaign: Rounds, attempts: readonly PastAttempt[]): boolean {
  const newest = newestAttempt(campaign, attempts);
  if (newest === null || hasConfirmed(attempts)) return false;
  const isOver = isFinal(newest.state) && newest.round < campaign.round;
  return isOver && !isOutOfAttempts(campaign, attempts);
}

export function isOutOfAttempts(
  { rules }: Pick<Campaign, 'rules'>,
  attempts: readonly PastAttempt[],
): boolean {
  return attempts.length >= rules.maxAttempts;
}
