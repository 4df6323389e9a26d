import {
  campaignIdSchema,
  deploymentSchema,
  sha256Schema,
  UPDATE_OUTCOMES,
  UPDATE_REASONS,
  versionSchema,
  type UpdateOutcome,
  type UpdateReason,
} from '@flotilla/contracts';
import { z } from 'zod';
import { SLOT_NAMES } from '../slots/domain/slot-state.ts';
import type { HookFacts } from './hooks.ts';

/** Another version of this agent may have written the journal, with a reason that this one does not know. */
const knownReasonSchema = z.enum(UPDATE_REASONS).catch('internal_error');
const reasonSchema = z.object({ reason: knownReasonSchema, detail: z.string() });

/** How far a full image has got: durable in the slot up to here, and where the transfer goes on. */
export const writeProgressSchema = z.object({
  transferOffsetBytes: z.number().int().nonnegative(),
  targetOffsetBytes: z.number().int().nonnegative(),
  etag: z.string().nullable(),
});
export type WriteProgress = z.infer<typeof writeProgressSchema>;

/** One try of one offer, from acceptance to its outcome; everything a restart needs to go on. */
export const updateAttemptSchema = z.object({
  campaign: z.object({
    campaignId: campaignIdSchema,
    phase: z.number().int().min(1),
    round: z.number().int().min(1),
  }),
  /**
   * Null for a way back that was ordered, which brings nothing new, and for an offer in the words of
   * another version of this agent: what is armed or on trial does not need it.
   */
  deployment: deploymentSchema.nullable().catch(null),
  /** What the signed target says; unverified when the offer itself was refused. */
  version: versionSchema,
  artifact: z.object({ sha256: sha256Schema, sizeBytes: z.number().int() }).nullable(),
  /** The slot it goes to; null when nothing is to be written. */
  target: z.enum(SLOT_NAMES).nullable(),
  fromVersion: versionSchema.nullable(),
  usedDelta: z.boolean(),
  transferBytes: z.number().int().nonnegative(),
  /** Null before the first checkpoint. */
  progress: writeProgressSchema.nullable().catch(null),
  /** Why the delta of this offer was given up for the full image. */
  deltaFailure: reasonSchema.nullable().catch(null),
  /** Chosen once, so that a report repeated after a restart is the same report. */
  reportIds: z.object({
    downloading: z.uuid(),
    installing: z.uuid(),
    trial: z.uuid(),
    final: z.uuid(),
  }),
  /** Why the newest trial boot failed. */
  trialFailure: reasonSchema.nullable().catch(null),
  /** Starts of the agent in what stands for one restart of the machine, see MAX_STARTS. */
  starts: z.number().int().nonnegative().catch(0),
});
export type UpdateAttempt = z.infer<typeof updateAttemptSchema>;

type AttemptAim = Pick<UpdateAttempt, 'deployment' | 'version' | 'target' | 'fromVersion'>;

/** An attempt as it begins: nothing fetched, nothing tried, its reports named once. */
export function newAttempt(
  { campaignId, phase, round }: UpdateAttempt['campaign'],
  aim: AttemptAim,
  newId: () => string,
): UpdateAttempt {
  return {
    ...aim,
    campaign: { campaignId, phase, round },
    artifact: null,
    usedDelta: false,
    transferBytes: 0,
    progress: null,
    deltaFailure: null,
    reportIds: { downloading: newId(), installing: newId(), trial: newId(), final: newId() },
    trialFailure: null,
    starts: 0,
  };
}

/** What a hook is told about an attempt. */
export function factsOf(attempt: UpdateAttempt): HookFacts {
  const { campaign, fromVersion, version, target } = attempt;
  return { campaignId: campaign.campaignId, fromVersion, toVersion: version, slot: target };
}

export const attemptOutcomeSchema = z.object({
  state: z.enum(UPDATE_OUTCOMES),
  reason: knownReasonSchema.nullable(),
  detail: z.string().nullable(),
  occurredAt: z.iso.datetime({ offset: true }),
});
export type AttemptOutcome = z.infer<typeof attemptOutcomeSchema>;

export interface FailureWords {
  readonly reason: UpdateReason;
  readonly detail: string;
}

export function outcomeOf(
  state: UpdateOutcome,
  failure: FailureWords | null,
  nowMs: number,
): AttemptOutcome {
  return {
    state,
    reason: failure?.reason ?? null,
    detail: failure?.detail ?? null,
    occurredAt: new Date(nowMs).toISOString(),
  };
}
