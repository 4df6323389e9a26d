/** Where an update stands, as the journal keeps it. */
export const UPDATE_PHASES = [
  'IDLE',
  'DOWNLOADING',
  'INSTALLING',
  'VERIFIED',
  'ARMED',
  'TRIAL',
  /** Ordered back to the other slot. */
  'ROLLING_BACK',
  'CONFIRMED',
  'FAILED',
  'ROLLED_BACK',
] as const;
export type UpdatePhase = (typeof UPDATE_PHASES)[number];

export type UpdateEvent =
  /** The offer passed every check. */
  | 'accepted'
  /** This device will not take it, before the new slot ever ran. */
  | 'refused'
  /** The server no longer offers it: stop without a report. */
  | 'withdrawn'
  /** These very bytes are confirmed here already. */
  | 'already_running'
  | 'downloaded'
  /** The delta gave nothing usable: on with the full image. */
  | 'fell_back'
  | 'verified'
  | 'armed'
  | 'booted_target'
  | 'booted_other'
  | 'nothing_bootable'
  | 'passed'
  /** The server wants the firmware of the other slot back. */
  | 'ordered_back'
  /** The outcome is in the outbox. */
  | 'reported';

/** The whole machine. An event that a phase does not name is a fault. */
export const TRANSITIONS: Readonly<
  Record<UpdatePhase, Readonly<Partial<Record<UpdateEvent, UpdatePhase>>>>
> = {
  IDLE: {
    accepted: 'DOWNLOADING',
    refused: 'FAILED',
    already_running: 'CONFIRMED',
    ordered_back: 'ROLLING_BACK',
  },
  // A full image is in its slot when its download ends; a delta is applied while installing.
  DOWNLOADING: {
    downloaded: 'INSTALLING',
    fell_back: 'DOWNLOADING',
    withdrawn: 'IDLE',
    refused: 'FAILED',
  },
  // A restart while installing begins again with the download, of which everything may be there.
  INSTALLING: {
    accepted: 'DOWNLOADING',
    fell_back: 'DOWNLOADING',
    withdrawn: 'IDLE',
    verified: 'VERIFIED',
    refused: 'FAILED',
  },
  VERIFIED: {
    armed: 'ARMED',
    refused: 'FAILED',
    booted_target: 'TRIAL',
    booted_other: 'ROLLED_BACK',
    nothing_bootable: 'FAILED',
    passed: 'CONFIRMED',
  },
  ARMED: {
    booted_target: 'TRIAL',
    booted_other: 'ROLLED_BACK',
    nothing_bootable: 'FAILED',
    passed: 'CONFIRMED',
  },
  TRIAL: {
    booted_target: 'TRIAL',
    booted_other: 'ROLLED_BACK',
    nothing_bootable: 'FAILED',
    passed: 'CONFIRMED',
  },
  ROLLING_BACK: { booted_target: 'ROLLED_BACK', refused: 'FAILED', nothing_bootable: 'FAILED' },
  CONFIRMED: { reported: 'IDLE' },
  FAILED: { reported: 'IDLE' },
  ROLLED_BACK: { reported: 'IDLE' },
};

export function nextPhase(phase: UpdatePhase, event: UpdateEvent): UpdatePhase {
  const next = TRANSITIONS[phase][event];
  if (next === undefined) throw new UpdateTransitionError(phase, event);
  return next;
}

/** What a start finds: the journal is a hint, the environment and the booted slot are the truth. */
export interface BootObservation {
  readonly phase: UpdatePhase;
  /** The slot the update writes, and its state in the boot environment. */
  readonly target: {
    readonly slot: string;
    readonly state: string;
    /** Boots that the loader still has for it. */
    readonly triesLeft: number;
    /** Whether the loader takes it before the other one. */
    readonly isFirst: boolean;
  } | null;
  readonly booted: { readonly slot: string; readonly state: string } | null;
  /** How often a restart of the machine was asked for in this phase and this agent started anyway. */
  readonly starts: number;
}

/** A loader that does not take what is first in order must not be asked for ever. */
export const MAX_STARTS = 10;

export type ResumeDecision =
  /** Nothing is under way, or it goes on beside the running firmware. */
  | { readonly kind: 'operate' }
  /** Written and verified, but the power went before the slot was armed. */
  | { readonly kind: 'arm' }
  /** Armed, but the machine has not restarted since: only this agent has. */
  | { readonly kind: 'reboot' }
  | { readonly kind: 'trial' }
  /** The way back was ordered and has not been taken. */
  | { readonly kind: 'go_back' }
  /** The booted slot is on trial, but nobody knows for what: it can neither pass nor be kept. */
  | { readonly kind: 'reject' }
  /** An end was reached: `event` leads there, null when the journal says so already. */
  | { readonly kind: 'finish'; readonly event: UpdateEvent | null };

export function decideResume(observation: BootObservation): ResumeDecision {
  const { phase, target, booted } = observation;
  switch (phase) {
    case 'IDLE':
    case 'DOWNLOADING':
    case 'INSTALLING':
      return { kind: booted?.state === 'trial' ? 'reject' : 'operate' };
    case 'CONFIRMED':
    case 'FAILED':
    case 'ROLLED_BACK':
      return { kind: 'finish', event: null };
    case 'ROLLING_BACK':
      return resumeWayBack(observation);
    default:
  }
  if (target !== null && booted?.slot === target.slot) {
    return target.state === 'good' ? { kind: 'finish', event: 'passed' } : { kind: 'trial' };
  }
  if (target?.state === 'written' && phase === 'VERIFIED') return { kind: 'arm' };
  const isUntried = target?.state === 'trial' && target.triesLeft > 0 && phase !== 'TRIAL';
  if (isUntried && booted !== null && observation.starts < MAX_STARTS) return { kind: 'reboot' };
  return { kind: 'finish', event: booted === null ? 'nothing_bootable' : 'booted_other' };
}

/** The slot it leads to was confirmed once; it gets its tries all the same, as the world has moved on. */
function resumeWayBack({ target, booted, starts }: BootObservation): ResumeDecision {
  if (booted === null) return { kind: 'finish', event: 'nothing_bootable' };
  if (booted.slot === target?.slot) return { kind: 'finish', event: 'booted_target' };
  const isLost = target?.state !== 'good' || (target.isFirst && target.triesLeft === 0);
  return isLost || starts >= MAX_STARTS
    ? { kind: 'finish', event: 'refused' }
    : { kind: 'go_back' };
}

export class UpdateTransitionError extends Error {
  override readonly name = 'UpdateTransitionError';
  constructor(phase: UpdatePhase, event: UpdateEvent) {
    super(`an update that is ${phase} does not take the event ${event}`);
  }
}
