import type {
  CampaignActionName,
  CampaignEvent,
  CampaignStatus,
  CampaignView,
  PhaseView,
  VerdictKind,
} from '@flotilla/contracts';

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
  approve: {
    verb: 'Approve',
    consequence:
      'The campaign may start: its first phase is offered as soon as its schedule allows.',
  },
  pause: {
    verb: 'Pause',
    consequence:
      'No further device is offered this version until the campaign is resumed. Updates already under way finish.',
  },
  resume: {
    verb: 'Resume',
    consequence: 'A new round begins, and the current phase is offered this version again.',
  },
  'skip-phase': {
    verb: 'Skip phase',
    consequence:
      'The next phase starts without waiting for the devices of this one. Those that failed stay counted.',
  },
  retry: {
    verb: 'Retry failed devices',
    consequence: 'Devices of this campaign that failed are offered this version once more.',
  },
  rollback: {
    verb: 'Roll back',
    consequence:
      'The campaign ends, and every device it has updated is sent back to the version it came from.',
  },
  abort: {
    verb: 'Abort',
    consequence:
      'The campaign ends for good. No further device is offered this version; devices that run it keep it.',
  },
};

/** Cannot be taken back by another action. */
export function isDangerous(action: CampaignActionName): boolean {
  return action === 'abort' || action === 'rollback';
}

/** What an operator may do, by the service's word or, where it has none, by the status. */
export function allowedActions(
  campaign: Pick<CampaignView, 'status' | 'actions'>,
): readonly CampaignActionName[] {
  if (campaign.actions !== undefined) return campaign.actions;
  if (campaign.status === 'running') return ['pause', 'abort'];
  if (campaign.status === 'paused') return ['resume', 'abort'];
  return [];
}
