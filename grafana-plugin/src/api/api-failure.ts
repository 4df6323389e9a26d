import type { Problem } from '@flotilla/contracts';

/**
 * Why a call brought no data. `unreachable`: no answer at all; `problem`: the service refused and
 * said why; `unreadable`: an answer that breaks the contract.
 */
export type ApiFailure =
  | { readonly kind: 'unreachable'; readonly title: string; readonly detail: string }
  | { readonly kind: 'unreadable'; readonly title: string; readonly detail: string }
  | {
      readonly kind: 'problem';
      readonly title: string;
      readonly detail: string;
      readonly problem: Problem;
    };

export type ApiResult<T> =
  { readonly ok: true; readonly value: T } | { readonly ok: false; readonly failure: ApiFailure };

export function isNotFound(failure: ApiFailure): boolean {
  return failure.kind === 'problem' && failure.problem.status === 404;
}

/** Repeating makes sense, and what was shown before is still the best there is. */
export function isOutage(failure: ApiFailure): boolean {
  return failure.kind !== 'problem' || failure.problem.status >= 500;
}
