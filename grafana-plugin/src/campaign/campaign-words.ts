import type { CampaignEvent, CampaignStatus, PhaseView, VerdictKind } from '@flotilla/contracts';
import type { CampaignActionName } from '../api/client.ts';

export const STATUS_WORDS: Readonly<Record<CampaignStatus, string>> = {
  awaiting_approval: 'Awaiting approval',
  scheduled: 'Scheduled',
  running: 'Running',
  paused: 'Paused',
  completed: 'Completed',
  aborted: 'Aborted',
  rolling_back: 'Rolling back',
  rolled_back: 'Rolled back',
};

export const PHASE_STATE_WORDS: Readonly<Record<PhaseView['state'], string>> = {
  waiting: 'Waiting',
  running: 'Running',
  done: 'Done',
};

/** Answers to "May the next phase start?". */
export const VERDICT_WORDS: Readonly<Record<VerdictKind, string>> = {
  hold: 'Not yet',
  advance: 'Yes',
  complete: 'Complete',
  pause: 'No',
};

export const EVENT_WORDS: Readonly<Record<CampaignEvent['event'], string>> = {
  created: 'Created',
  advanced: 'Next phase started',
  auto_paused: 'Paused automatically',
  paused: 'Paused',
  resumed: 'Resumed',
  aborted: 'Aborted',
  completed: 'Completed',
  approved: 'Approved',
  started: 'Started',
  phase_skipped: 'Phase skipped',
  retried: 'Failed devices retried',
  rollback_ordered: 'Rollback ordered',
  rolled_back: 'Rolled back',
  expired: 'Ended by its schedule',
};

export interface ActionWords {
  readonly verb: string;
  readonly consequence: string;
}

export const ACTION_WORDS: Readonly<Record<CampaignActionName, ActionWords>> = {
  pause: {
    verb: 'Pause',
    consequence:
      'No further device is offered this version until the campaign is resumed. Updates already under way finish.',
  },
  resume: {
    verb: 'Resume',
    consequence: 'A new round begins, and the current phase is offered this version again.',
  },
  abort: {
    verb: 'Abort',
    consequence:
      'The campaign ends for good. No further device is offered this version; devices that run it keep it.',
  },
};

/** What an operator may do in a status; the server has the last word. */
export function allowedActions(status: CampaignStatus): CampaignActionName[] {
  if (status === 'running') return ['pause', 'abort'];
  if (status === 'paused') return ['resume', 'abort'];
  return [];
}
