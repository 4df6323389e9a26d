import { setImmediate } from 'node:timers/promises';
import type { Kysely, Transaction } from 'kysely';
import type { CampaignCreate } from '@flotilla/contracts';
import { ProblemError } from '@flotilla/service';
import type { Database } from '../db/database.ts';
import type { CampaignStore } from './campaign-store.ts';
import { stepCampaign } from './domain/campaign-machine.ts';
import type { PlannedPhase } from './domain/campaign-plan.ts';
import { PhasePlanner } from './domain/phase-planner.ts';
import type { CampaignRow } from './tables.ts';
import { refuseUnofferable } from './unofferable-campaigns.ts';

const PAGE_DEVICES = 1000;

interface Firmware {
  readonly id: string;
  readonly model: string;
  readonly version: string;
}

/**
 * Plans a campaign over the devices that need the version now (of the model and groups, not retired,
 * not on it already) and starts it. Throws ProblemError `validation_failed` for a firmware that does
 * not exist; `conflict` for a draft, for no device at all, and for a rival campaign.
 */
export async function createCampaign(
  deps: { readonly database: Kysely<Database>; readonly store: CampaignStore },
  id: string,
  request: CampaignCreate,
  actor: string,
  nowMs: number,
): Promise<void> {
  const firmware = await releasedFirmware(deps.database, request.firmwareId);
  await refuseUnofferable(deps.database, firmware.id);
  const groups = request.groups === undefined ? null : [...new Set(request.groups)];
  const targets = { database: deps.database, firmware, groups };
  const shares = request.phases.map(({ percent, count }) => percent ?? { count: count ?? 0 });
  const planner = new PhasePlanner(id, shares);
  for await (const page of targetDevices(targets)) {
    for (const deviceId of page) planner.count(deviceId);
  }
  const { deviceCount } = planner;
  if (deviceCount === 0) {
    const where = groups === null ? '' : ` in ${groups.join(', ')}`;
    throw new ProblemError('conflict', {
      detail: `no device of model ${firmware.model}${where} needs ${firmware.version}`,
    });
  }
  planner.endCount();
  for await (const page of targetDevices(targets)) {
    for (const deviceId of page) planner.collect(deviceId);
  }
  const phases = planner.phases();
  const campaign = campaignRow(id, request, firmware, groups, nowMs);
  const evidence = { devices: deviceCount, phases: phases.map((p) => p.plannedDevices) };
  await deps.store.insert(
    campaign,
    phases.map((phase) => phaseRow(id, phase, nowMs)),
    { actor, reason: `${firmware.version} for ${deviceCount} devices`, evidence },
    (trx) => refuseRival(trx, campaign, groups),
  );
}

async function releasedFirmware(database: Kysely<Database>, id: string): Promise<Firmware> {
  const firmware = await database
    .selectFrom('firmware')
    .select(['id', 'model', 'version', 'state'])
    .where('id', '=', id)
    .executeTakeFirst();
  if (firmware === undefined) {
    const detail = `there is no firmware ${id}`;
    const errors = [{ pointer: '/body/firmwareId', detail }];
    throw new ProblemError('validation_failed', { detail: `/body/firmwareId: ${detail}`, errors });
  }
  if (firmware.state === 'draft') {
    const detail = `firmware ${id} is a draft; it must be signed and released first`;
    throw new ProblemError('conflict', { detail });
  }
  return firmware;
}

/** Ids in pages, so that a large fleet is never held in memory and requests go in between. */
async function* targetDevices(targets: {
  readonly database: Kysely<Database>;
  readonly firmware: Firmware;
  readonly groups: readonly string[] | null;
}): AsyncGenerator<string[]> {
  const { firmware, groups } = targets;
  let after = '';
  for (;;) {
    const rows = await targets.database
      .selectFrom('devices')
      .select('id')
      .where('model', '=', firmware.model)
      .where('id', '>', after)
      .where('lifecycle', '!=', 'retired')
      .where((eb) =>
        eb.or([eb('firmware_version', 'is', null), eb('firmware_version', '!=', firmware.version)]),
      )
      .$if(groups !== null, (q) => q.where('group_name', 'in', [...(groups ?? [])]))
      .orderBy('id')
      .limit(PAGE_DEVICES)
      .execute();
    const last = rows.at(-1);
    if (last === undefined) return;
    yield rows.map((row) => row.id);
    after = last.id;
    // An embedded registry answers without leaving the event loop.
    await setImmediate();
  }
}

/** Runs after the insert, in its transaction, so of two rivals created at once one is refused. */
async function refuseRival(
  trx: Transaction<Database>,
  campaign: CampaignRow,
  groups: readonly string[] | null,
): Promise<void> {
  const others = await trx
    .selectFrom('campaigns')
    .select(['id', 'name', 'status', 'groups_json'])
    .where('firmware_id', '=', campaign.firmware_id)
    .where('status', 'in', ['running', 'paused'])
    .where('id', '!=', campaign.id)
    .execute();
  const rival = others.find(({ groups_json: theirs }) => overlaps(groups, theirs));
  if (rival === undefined) return;
  throw new ProblemError('conflict', {
    detail: `campaign ${rival.id} (${rival.name}) is ${rival.status} for the same firmware and devices`,
  });
}

function overlaps(groups: readonly string[] | null, theirsJson: string | null): boolean {
  if (groups === null || theirsJson === null) return true;
  const theirs: unknown = JSON.parse(theirsJson);
  return Array.isArray(theirs) && theirs.some((group) => groups.includes(String(group)));
}

function campaignRow(
  id: string,
  request: CampaignCreate,
  firmware: Firmware,
  groups: readonly string[] | null,
  nowMs: number,
): CampaignRow {
  const step = stepCampaign('none', 'create');
  if (!step.ok) throw new Error(step.reason);
  return {
    id,
    name: request.name,
    firmware_id: firmware.id,
    model: firmware.model,
    version: firmware.version,
    groups_json: groups === null ? null : JSON.stringify(groups),
    status: step.status,
    round: 1,
    current_phase: 1,
    error_threshold: request.errorThreshold,
    min_sample: request.minSample ?? 0,
    soak_ms: request.soakMs,
    deadline_ms: request.deadlineMs,
    guards_json: request.guards === undefined ? null : JSON.stringify(request.guards),
    row_version: 1,
    verdict_kind: null,
    verdict_code: null,
    verdict_words: null,
    verdict_at_ms: null,
    observation_json: null,
    created_at_ms: nowMs,
    updated_at_ms: nowMs,
  };
}

function phaseRow(campaignId: string, phase: PlannedPhase, nowMs: number) {
  return {
    campaign_id: campaignId,
    phase: phase.phase,
    percent: phase.percent,
    planned_devices: phase.plannedDevices,
    cutoff: phase.cutoff,
    started_at_ms: phase.phase === 1 ? nowMs : null,
    settled_at_ms: null,
  };
}
