import type { Kysely } from 'kysely';
import { ProblemError } from '@flotilla/service';
import type { Database } from '../db/database.ts';
import { decideOfferable, type Offerability } from '../firmware/domain/offerability.ts';
import type { CampaignStore } from './campaign-store.ts';
import { stepCampaign } from './domain/campaign-machine.ts';

/**
 * Pauses every running campaign whose firmware may be offered to nobody (withdrawn, or below its
 * model's floor) and says why. Called after such a change and at start, so that a kill in between
 * leaves no campaign waiting for devices that get nothing.
 */
export async function pauseUnofferable(
  database: Kysely<Database>,
  store: CampaignStore,
  nowMs: number,
): Promise<void> {
  for (const campaign of await store.list({ statuses: ['running'] })) {
    const offerable = await offerabilityOf(database, campaign.firmwareId);
    if (offerable.kind === 'offerable') continue;
    const step = stepCampaign(campaign.status, 'pause');
    if (!step.ok) throw new Error(step.reason);
    const { reason: code, detail } = offerable;
    const transition = {
      event: 'paused',
      actor: 'registry',
      reason: detail,
      evidence: { code, firmwareId: campaign.firmwareId },
      set: { status: step.status },
    } as const;
    // Lost to the gate or an operator: what they left is looked at anew.
    if (await store.transition(campaign, transition, nowMs)) continue;
    await pauseUnofferable(database, store, nowMs);
    return;
  }
}

/** A campaign that can offer nothing would wait for ever. Throws ProblemError `conflict`. */
export async function refuseUnofferable(
  database: Kysely<Database>,
  firmwareId: string,
): Promise<void> {
  const offerable = await offerabilityOf(database, firmwareId);
  if (offerable.kind === 'offerable') return;
  throw new ProblemError('conflict', { detail: offerable.detail });
}

async function offerabilityOf(
  database: Kysely<Database>,
  firmwareId: string,
): Promise<Offerability> {
  const firmware = await database
    .selectFrom('firmware')
    .leftJoin('models', 'models.name', 'firmware.model')
    .select(['firmware.version', 'firmware.state', 'models.floor_version'])
    .where('firmware.id', '=', firmwareId)
    .executeTakeFirst();
  if (firmware === undefined) throw new Error(`a campaign names ${firmwareId}, which is gone`);
  return decideOfferable(firmware, firmware.floor_version);
}
