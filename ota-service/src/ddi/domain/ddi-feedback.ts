import type { UpdateReason, UpdateState } from '@flotilla/contracts';

/** `status.execution` of a DDI feedback. */
export const EXECUTIONS = [
  'closed',
  'proceeding',
  'canceled',
  'scheduled',
  'rejected',
  'resumed',
  'download',
  'downloaded',
] as const;

export interface DdiStatus {
  readonly execution: (typeof EXECUTIONS)[number];
  readonly result: { readonly finished: 'success' | 'failure' | 'none' };
  readonly details?: readonly string[] | undefined;
}

export type FeedbackDecision =
  /** Nothing new in it. */
  | { readonly kind: 'note' }
  | {
      readonly kind: 'report';
      readonly state: UpdateState;
      readonly reason?: UpdateReason;
      readonly detail?: string;
    };

/** What SWUpdate says when it is about to boot what it installed, and once more after a restart. */
const INSTALLED = /^(All Chunks Installed|Update Installed, Testing Pending)\.?$/i;

/**
 * What a device's feedback means for its update. The protocol has one word, `proceeding`, for all that
 * happens before the end; a device that says its installation is to be tested is on trial. A failure
 * after that is a roll back, before it a failed installation. An end without success is no success.
 */
export function decideFeedback(state: UpdateState, status: DdiStatus): FeedbackDecision {
  const detail = status.details?.join('; ').slice(0, 1000);
  const said = detail === undefined || detail === '' ? {} : { detail };
  switch (status.execution) {
    case 'closed':
      if (status.result.finished === 'success') return { kind: 'report', state: 'confirmed' };
      return failure(state, said);
    case 'rejected':
    case 'canceled':
      return failure(state, said);
    case 'proceeding':
    case 'resumed':
    case 'downloaded':
    case 'download':
      return progress(state, status);
    case 'scheduled':
      return { kind: 'note' };
  }
}

function failure(state: UpdateState, said: { readonly detail?: string }): FeedbackDecision {
  return state === 'trial'
    ? { kind: 'report', state: 'rolled_back', reason: 'trial_unhealthy', ...said }
    : { kind: 'report', state: 'failed', reason: 'installer_failed', ...said };
}

function progress(state: UpdateState, status: DdiStatus): FeedbackDecision {
  const next = progressState(status);
  return RANK[next] > RANK[state] ? { kind: 'report', state: next } : { kind: 'note' };
}

function progressState({ execution, details }: DdiStatus): keyof typeof PROGRESS {
  if (details?.some((line) => INSTALLED.test(line)) === true) return 'trial';
  return execution === 'downloaded' ? 'installing' : 'downloading';
}

const PROGRESS = { downloading: 1, installing: 2, trial: 3 } as const;
const RANK: Readonly<Record<UpdateState, number>> = {
  ...PROGRESS,
  offered: 0,
  confirmed: 4,
  failed: 4,
  rolled_back: 4,
};

/** May a withdrawn offer still be taken back? Not once the device is about to boot it. */
export function isRevocable(state: UpdateState): boolean {
  return RANK[state] < PROGRESS.trial;
}
