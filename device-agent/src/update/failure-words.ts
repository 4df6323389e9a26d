import type { UpdateRefusal } from '../update-refusal.ts';
import type { UpdateEvent } from './domain/update-machine.ts';
import type { FailureWords, UpdateAttempt } from './update-attempt.ts';

export const ENVIRONMENT_LOST: FailureWords = {
  reason: 'internal_error',
  detail: 'the boot environment was lost before the new firmware was confirmed',
};

export const WAY_BACK_LOST: FailureWords = {
  reason: 'internal_error',
  detail: 'ordered back, but the other slot could not be booted',
};

export function wordsOf(refusal: UpdateRefusal): FailureWords {
  return { reason: refusal.reason, detail: refusal.message };
}

/** A trial that left no word ended with the agent itself: the device went down under the new firmware. */
export function failureOf(
  event: UpdateEvent,
  failure: FailureWords | null,
  attempt: UpdateAttempt,
): FailureWords | null {
  if (event === 'passed' || event === 'booted_target') return null;
  return (
    attempt.trialFailure ??
    failure ?? {
      reason: 'trial_crashed',
      detail: 'the device restarted during the trial until its boots were used up',
    }
  );
}
