import type { Kysely } from 'kysely';
import {
  LEFT_OUT_REASONS,
  type CampaignCreate,
  type CampaignPlan,
  type LeftOutReason,
} from '@flotilla/contracts';
import { ProblemError } from '@flotilla/service';
import type { Database } from '../db/database.ts';
import { draftCampaign, type CampaignDraft } from './campaign-draft.ts';
import { placeAtFirst, planCampaign } from './campaign-planning.ts';
import type { StoredCampaign } from './campaign-rows.ts';
import { isoOf } from './campaign-rules-view.ts';
import type { CampaignStore } from './campaign-store.ts';
import type { Campaign } from './domain/campaign.ts';
import { deviceRank, phaseOfRank, type PlannedPhase } from './domain/campaign-plan.ts';
import { inTarget, windowOf } from './domain/campaign-target.ts';
import { byPrecedence } from './domain/offer-decision.ts';
import { fleetPages, type FleetDevice } from './fleet-pages.ts';
import { refuseUnofferable } from './unofferable-campaigns.ts';

const MINUTE_MS = 60_000;
const ACTIVE = { statuses: ['awaiting_approval', 'scheduled', 'running', 'paused'] } as const;

/**
 * What the creation of this campaign would do: who gets the version in which phase and when at the
 * earliest, who does not and why, and which other campaigns want the same devices. Throws what the
 * creation throws, but not for a target without devices: that is an answer.
 */
export async function dryRunCampaign(
  deps: { readonly database: Kysely<Database>; readonly store: CampaignStore },
  id: string,
  request: CampaignCreate,
  { samples, nowMs }: { readonly samples: number; readonly nowMs: number },
): Promise<CampaignPlan> {
  const { database } = deps;
  const draft = await draftCampaign(database, id, request, nowMs);
  await refuseUnofferable(database, draft.campaign.firmwareId);
  const leftOut = new LeftOutList(samples);
  let outsideTarget = 0;
  const plan = await planCampaign(database, draft, (device, placing) => {
    if (placing.kind === 'outside') outsideTarget += 1;
    if (placing.kind === 'left_out') leftOut.add(device.id, placing.reason, placing.detail);
  });
  const phases = phaseTimes(draft, plan.phases, nowMs);
  const members = await listMembers(deps, draft, phases, samples);
  return {
    id,
    model: draft.campaign.model,
    version: draft.campaign.version,
    status: statusOf(draft.campaign),
    totalDevices: plan.deviceCount,
    outsideTarget,
    phases: members.phases,
    leftOut: leftOut.result(),
    overlaps: members.overlaps,
  };
}

function statusOf({ status }: Campaign): CampaignPlan['status'] {
  if (status === 'running' || status === 'scheduled' || status === 'awaiting_approval') {
    return status;
  }
  throw new ProblemError('internal', { detail: `a campaign does not begin as ${status}` });
}

class LeftOutList {
  readonly #samples: number;
  readonly #lists = new Map<LeftOutReason, CampaignPlan['leftOut'][number]>();

  constructor(samples: number) {
    this.#samples = samples;
  }

  add(deviceId: string, reason: LeftOutReason, detail: string): void {
    const list = this.#lists.get(reason) ?? { reason, totalDevices: 0, devices: [] };
    this.#lists.set(reason, list);
    list.totalDevices += 1;
    if (list.devices.length < this.#samples) list.devices.push({ deviceId, detail });
  }

  result(): CampaignPlan['leftOut'] {
    return LEFT_OUT_REASONS.flatMap((reason) => this.#lists.get(reason) ?? []);
  }
}

interface TimedPhase extends PlannedPhase {
  readonly soakMs: number;
  readonly deadlineMs: number;
  readonly startsAtMs: number;
  readonly offersTakeMs: number;
}

/** The earliest of each, if every device before it confirms at once. */
function phaseTimes(
  { campaign, request }: CampaignDraft,
  phases: readonly PlannedPhase[],
  nowMs: number,
): TimedPhase[] {
  const perMinute = campaign.rules.rateLimit?.devicesPerMinute;
  let startsAtMs = Math.max(nowMs, campaign.rules.startAtMs ?? nowMs);
  return phases.map((planned, index) => {
    const own = request.phases[index];
    const soakMs = own?.soakMs ?? campaign.soakMs;
    const deadlineMs = own?.deadlineMs ?? campaign.deadlineMs;
    const gaps = Math.max(0, planned.plannedDevices - 1);
    const offersTakeMs = perMinute === undefined ? 0 : Math.ceil((gaps / perMinute) * MINUTE_MS);
    const timed = { ...planned, soakMs, deadlineMs, startsAtMs, offersTakeMs };
    startsAtMs += offersTakeMs + soakMs;
    return timed;
  });
}

/** The pass over the fleet that names the members of each phase, and who else wants them. */
async function listMembers(
  { database, store }: { readonly database: Kysely<Database>; readonly store: CampaignStore },
  draft: CampaignDraft,
  phases: readonly TimedPhase[],
  samples: number,
): Promise<Pick<CampaignPlan, 'phases' | 'overlaps'>> {
  const { campaign, listed } = draft;
  const cutoffs = phases.map(({ cutoff }) => cutoff);
  const listOf = phases.map((): CampaignPlan['phases'][number]['devices'] => []);
  const totals = phases.map(() => 0);
  const others = (await store.list(ACTIVE)).filter(
    ({ id, model }) => model === campaign.model && id !== campaign.id,
  );
  const overlaps = new OverlapCount(database, campaign, others);
  for await (const page of fleetPages(database, campaign, { list: listed, withLabels: true })) {
    const members = page.devices.filter((one) => placeAtFirst(draft, one).kind === 'member');
    await overlaps.count(page, members);
    for (const device of members) {
      const index = phaseOfRank(deviceRank(campaign.id, device.id), cutoffs) - 1;
      totals[index] = (totals[index] ?? 0) + 1;
      const list = listOf[index];
      const phase = phases[index];
      if (list === undefined || phase === undefined || list.length >= samples) continue;
      list.push(plannedDevice(campaign, device, phase));
    }
  }
  return {
    phases: phases.map((phase, index) => ({
      phase: phase.phase,
      percent: phase.percent,
      count: phase.count,
      soakMs: phase.soakMs,
      deadlineMs: phase.deadlineMs,
      totalDevices: totals[index] ?? 0,
      devices: listOf[index] ?? [],
      earliestStartAt: isoOf(phase.startsAtMs),
      offersTakeMs: phase.offersTakeMs,
    })),
    overlaps: overlaps.result(),
  };
}

function plannedDevice(campaign: Campaign, device: FleetDevice, { startsAtMs }: TimedPhase) {
  const window = windowOf(campaign, device.labels, startsAtMs);
  const atMs = window.open ? startsAtMs : window.opensAtMs;
  const waits = device.lifecycle === 'maintenance' && !campaign.rules.includeMaintenance;
  return {
    deviceId: device.id,
    earliestAt: atMs === null ? null : isoOf(atMs),
    note: waits ? 'is in maintenance and gets nothing before that has ended' : null,
  };
}

/** Which of the other campaigns would have the same devices; by their present targets. */
class OverlapCount {
  readonly #database: Kysely<Database>;
  readonly #campaign: Campaign;
  readonly #others: readonly StoredCampaign[];
  readonly #totals = new Map<string, number>();

  constructor(database: Kysely<Database>, campaign: Campaign, others: readonly StoredCampaign[]) {
    this.#database = database;
    this.#campaign = campaign;
    this.#others = others;
  }

  async count(page: { after: string; last: string }, members: readonly FleetDevice[]) {
    for (const other of this.#others) {
      const listed = await this.#listOf(other, page);
      const both = members.filter((device) => {
        if (device.firmwareVersion === other.version) return false;
        return inTarget(other, { ...device, isListed: listed.has(device.id) }, false);
      });
      this.#totals.set(other.id, (this.#totals.get(other.id) ?? 0) + both.length);
    }
  }

  async #listOf({ id, rules }: StoredCampaign, page: { after: string; last: string }) {
    if (rules.list === 'none') return new Set<string>();
    const rows = await this.#database
      .selectFrom('campaign_members')
      .select('device_id')
      .where('campaign_id', '=', id)
      .where('device_id', '>', page.after)
      .where('device_id', '<=', page.last)
      .execute();
    return new Set(rows.map((row) => row.device_id));
  }

  result(): CampaignPlan['overlaps'] {
    const order = byPrecedence([this.#campaign, ...this.#others]);
    const place = order.findIndex(({ id }) => id === this.#campaign.id);
    return order.flatMap(({ id: campaignId, name, rules }, index) => {
      const totalDevices = this.#totals.get(campaignId) ?? 0;
      if (totalDevices === 0) return [];
      const { priority } = rules;
      return [{ campaignId, name, priority, totalDevices, goesFirst: index < place }];
    });
  }
}
