import { setImmediate } from 'node:timers/promises';
import type { Insertable, Kysely, Transaction } from 'kysely';
import type { CampaignCreate, CampaignStatus } from '@flotilla/contracts';
import { ProblemError } from '@flotilla/service';
import type { Database } from '../db/database.ts';
import { draftCampaign, type CampaignDraft } from './campaign-draft.ts';
import { planCampaign } from './campaign-planning.ts';
import type { CampaignStore } from './campaign-store.ts';
import { stepCampaign, type CampaignAct } from './domain/campaign-machine.ts';
import type { PlannedPhase } from './domain/campaign-plan.ts';
import { rulesFromJson, rulesToJson } from './domain/campaign-rules.ts';
import type { CampaignRow } from './tables.ts';
import { refuseUnofferable } from './unofferable-campaigns.ts';

const MEMBERS_PER_INSERT = 500;

/**
 * Plans a campaign over the devices that need the version now (of the model and target, not retired,
 * not on it already) and starts it, or leaves it for its approval or its time. Throws what
 * `draftCampaign` throws; ProblemError `conflict` for no device at all, and for a rival campaign;
 * `already_exists` for an id in use.
 */
export async function createCampaign(
  deps: { readonly database: Kysely<Database>; readonly store: CampaignStore },
  id: string,
  request: CampaignCreate,
  actor: string,
  nowMs: number,
): Promise<void> {
  const { database, store } = deps;
  const draft = await draftCampaign(database, id, request, nowMs);
  const { campaign } = draft;
  await refuseUnofferable(database, campaign.firmwareId);
  if ((await store.find(id)) !== null) {
    throw new ProblemError('already_exists', { detail: `there is a campaign ${id} already` });
  }
  const members: string[] = [];
  const { deviceCount, phases } = await planCampaign(database, draft, (device, placing) => {
    if (campaign.rules.list === 'only' && placing.kind !== 'outside') members.push(device.id);
  });
  if (deviceCount === 0) throw noDevice(draft);
  const list = campaign.rules.list === 'and' ? [...(draft.listed ?? [])] : members;
  await writeMembers(database, id, list);
  const evidence = {
    status: campaign.status,
    devices: deviceCount,
    phases: phases.map((p) => p.plannedDevices),
  };
  await store.insert(
    campaignRow(draft, actor, nowMs),
    phases.map((phase) => phaseRow(draft, phase, nowMs)),
    { actor, reason: `${campaign.version} for ${deviceCount} devices`, evidence },
    (trx) => refuseRival(trx, draft),
  );
}

function noDevice({ campaign }: CampaignDraft): ProblemError {
  const { groups, model, version, rules } = campaign;
  const { selector } = rules;
  const where = [
    ...(groups === null ? [] : [` in ${groups.join(', ')}`]),
    ...(selector === null ? [] : [` with ${selector.text}`]),
    ...(rules.versions === null ? [] : [` on ${rules.versions.join(', ')}`]),
    ...(rules.listedDevices === null ? [] : [` among the ${rules.listedDevices} named`]),
  ];
  const detail = `no device of model ${model}${where.join('')} needs ${version}`;
  return new ProblemError('conflict', { detail });
}

/** Before the campaign, in pieces: nobody looks for members of what is not there. */
async function writeMembers(
  database: Kysely<Database>,
  campaignId: string,
  deviceIds: readonly string[],
): Promise<void> {
  for (let from = 0; from < deviceIds.length; from += MEMBERS_PER_INSERT) {
    const rows = deviceIds
      .slice(from, from + MEMBERS_PER_INSERT)
      .map((deviceId) => ({ campaign_id: campaignId, device_id: deviceId }));
    await database
      .insertInto('campaign_members')
      .values(rows)
      .onConflict((conflict) => conflict.doNothing())
      .execute();
    // An embedded registry answers without leaving the event loop.
    await setImmediate();
  }
}

/**
 * Runs after the insert, in its transaction, so of two rivals created at once one is refused. Only
 * targets of groups can be told to overlap; of others a device is in one update at a time anyway.
 */
async function refuseRival(trx: Transaction<Database>, { campaign }: CampaignDraft): Promise<void> {
  if (!isOfGroups(campaign.rules)) return;
  const others = await trx
    .selectFrom('campaigns')
    .select(['id', 'name', 'status', 'groups_json', 'rules_json'])
    .where('firmware_id', '=', campaign.firmwareId)
    .where('status', 'in', ['awaiting_approval', 'scheduled', 'running', 'paused'])
    .where('id', '!=', campaign.id)
    .execute();
  const rival = others.find(
    ({ groups_json: theirs, rules_json: rules }) =>
      isOfGroups(rulesFromJson(rules)) && overlaps(campaign.groups, theirs),
  );
  if (rival === undefined) return;
  throw new ProblemError('conflict', {
    detail: `campaign ${rival.id} (${rival.name}) is ${rival.status} for the same firmware and devices`,
  });
}

function isOfGroups({ selector, versions, list }: CampaignDraft['campaign']['rules']): boolean {
  return selector === null && versions === null && list === 'none';
}

function overlaps(groups: readonly string[] | null, theirsJson: string | null): boolean {
  if (groups === null || theirsJson === null) return true;
  const theirs: unknown = JSON.parse(theirsJson);
  return Array.isArray(theirs) && theirs.some((group) => groups.includes(String(group)));
}

const FIRST_ACT: Readonly<Partial<Record<CampaignStatus, CampaignAct>>> = {
  running: 'create',
  scheduled: 'schedule',
  awaiting_approval: 'submit',
};

function campaignRow(
  { campaign, request }: CampaignDraft,
  actor: string,
  nowMs: number,
): Insertable<CampaignRow> {
  const act = FIRST_ACT[campaign.status];
  const step = act === undefined ? null : stepCampaign('none', act);
  if (step?.ok !== true) throw new Error(`a campaign does not begin as ${campaign.status}`);
  return {
    id: campaign.id,
    name: campaign.name,
    firmware_id: campaign.firmwareId,
    model: campaign.model,
    version: campaign.version,
    groups_json: campaign.groups === null ? null : JSON.stringify(campaign.groups),
    status: step.status,
    round: campaign.round,
    base_round: campaign.baseRound,
    current_phase: campaign.currentPhase,
    error_threshold: campaign.errorThreshold,
    min_sample: campaign.minSample ?? 0,
    soak_ms: campaign.soakMs,
    deadline_ms: campaign.deadlineMs,
    rules_json: rulesToJson(campaign.rules),
    guards_json: request.guards === undefined ? null : JSON.stringify(request.guards),
    created_by: actor,
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

function phaseRow({ campaign, request }: CampaignDraft, planned: PlannedPhase, nowMs: number) {
  const { soakMs, deadlineMs } = request.phases[planned.phase - 1] ?? {};
  return {
    campaign_id: campaign.id,
    phase: planned.phase,
    percent: planned.percent,
    count: planned.count,
    soak_ms: soakMs ?? null,
    deadline_ms: deadlineMs ?? null,
    planned_devices: planned.plannedDevices,
    cutoff: planned.cutoff,
    started_at_ms: planned.phase === 1 && campaign.status === 'running' ? nowMs : null,
    settled_at_ms: null,
  };
}
