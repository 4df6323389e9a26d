import type { Kysely } from 'kysely';
import { parseSelector, type CampaignCreate, type CampaignStatus } from '@flotilla/contracts';
import { ProblemError } from '@flotilla/service';
import type { Database } from '../db/database.ts';
import type { OfferedFirmware } from '../firmware/domain/offerability.ts';
import { stringList } from '../firmware/string-list.ts';
import type { Campaign } from './domain/campaign.ts';
import { rulesOf } from './domain/campaign-rules.ts';
import type { PhaseShare } from './domain/campaign-plan.ts';

/** A campaign as asked for, before anybody has a place in it. */
export interface CampaignDraft {
  /** Without phases. */
  readonly campaign: Campaign;
  readonly shares: readonly PhaseShare[];
  readonly request: CampaignCreate;
  readonly firmware: OfferedFirmware;
  readonly floorVersion: string | null;
  /** The devices that were named one by one. */
  readonly listed: ReadonlySet<string> | null;
}

/**
 * Throws ProblemError `validation_failed` for a firmware that does not exist, a selector that says
 * nothing, and an end that has passed; `conflict` for a draft.
 */
export async function draftCampaign(
  database: Kysely<Database>,
  id: string,
  request: CampaignCreate,
  nowMs: number,
): Promise<CampaignDraft> {
  refuseSelector(request.target?.selector);
  const firmware = await releasedFirmware(database, request.firmwareId);
  const rules = rulesOf(request, firmware.allow_downgrade === 1);
  if (rules.endAtMs !== null && rules.endAtMs <= nowMs) {
    throw invalid('/body/schedule/endAt', 'has passed');
  }
  const groups = request.target?.groups ?? request.groups;
  const campaign: Campaign = {
    id,
    name: request.name,
    firmwareId: firmware.id,
    model: firmware.model,
    version: firmware.version,
    groups: groups === undefined ? null : [...new Set(groups)],
    status: statusAtFirst(rules, nowMs),
    round: 1,
    baseRound: 1,
    currentPhase: 1,
    errorThreshold: request.errorThreshold,
    minSample: request.minSample,
    soakMs: request.soakMs,
    deadlineMs: request.deadlineMs,
    phases: [],
    rules,
    createdAtMs: nowMs,
  };
  const { deviceIds } = request.target ?? {};
  return {
    campaign,
    shares: request.phases.map(({ percent, count }) => percent ?? { count: count ?? 1 }),
    request,
    firmware: {
      version: firmware.version,
      state: firmware.state,
      minimumVersion: firmware.minimum_version,
      hardwareRevisions: stringList(firmware.hardware_revisions_json),
    },
    floorVersion: firmware.floor_version,
    listed: deviceIds === undefined ? null : new Set(deviceIds),
  };
}

function statusAtFirst(rules: Campaign['rules'], nowMs: number): CampaignStatus {
  if (rules.approvalRequired) return 'awaiting_approval';
  return rules.startAtMs !== null && rules.startAtMs > nowMs ? 'scheduled' : 'running';
}

function refuseSelector(text: string | undefined): void {
  if (text === undefined) return;
  const parsed = parseSelector(text);
  if (!parsed.ok) throw invalid('/body/target/selector', parsed.detail);
}

async function releasedFirmware(database: Kysely<Database>, id: string) {
  const firmware = await database
    .selectFrom('firmware')
    .leftJoin('models', 'models.name', 'firmware.model')
    .select([
      'firmware.id',
      'firmware.model',
      'firmware.version',
      'firmware.state',
      'firmware.allow_downgrade',
      'firmware.minimum_version',
      'firmware.hardware_revisions_json',
      'models.floor_version',
    ])
    .where('firmware.id', '=', id)
    .executeTakeFirst();
  if (firmware === undefined) throw invalid('/body/firmwareId', `there is no firmware ${id}`);
  if (firmware.state === 'draft') {
    const detail = `firmware ${id} is a draft; it must be signed and released first`;
    throw new ProblemError('conflict', { detail });
  }
  return firmware;
}

function invalid(pointer: string, detail: string): ProblemError {
  return new ProblemError('validation_failed', {
    detail: `${pointer}: ${detail}`,
    errors: [{ pointer, detail }],
  });
}
