import type { Kysely } from 'kysely';
import type { LifecycleState, UpdateReport } from '@flotilla/contracts';
import type { EventLog } from '@flotilla/event-log';
import { ProblemError } from '@flotilla/service';
import type { Database } from '../db/database.ts';
import { LabelStore } from '../devices/label-store.ts';
import type { AttemptStore } from './attempt-store.ts';
import { findCampaign } from './campaign-actions.ts';
import type { StoredCampaign } from './campaign-rows.ts';
import type { CampaignStore } from './campaign-store.ts';
import { needsLabels } from './domain/campaign-target.ts';
import { decidePoll, reaches, type Offer, type PollDecision } from './domain/offer-decision.ts';
import type { OfferPacer } from './offer-pacer.ts';
import type { RunningCampaigns } from './running-campaigns.ts';
import { offeredReportId, publishUpdateEvent } from './update-event-log.ts';

export interface PollingDevice {
  readonly id: string;
  readonly model: string;
  readonly group: string;
  readonly firmwareVersion: string | null;
  /** Active when left out. */
  readonly lifecycle?: LifecycleState;
}

/** What runs for a model, asked many times a second. */
export interface Reach {
  /** Changes whenever a campaign of the model starts, ends or takes a step. */
  readonly epoch: number;
  /** Whether a campaign may have come to this device; while none has, there is nothing to say to it. */
  readonly reaches: (
    device: Pick<PollingDevice, 'id' | 'group'> & Partial<Pick<PollingDevice, 'firmwareVersion'>>,
  ) => boolean;
}

const NOTHING: PollDecision = { kind: 'nothing', untilMs: null };

/** What devices ask and tell about updates. */
export class UpdateIntake {
  readonly #database: Kysely<Database>;
  readonly #store: CampaignStore;
  readonly #running: RunningCampaigns;
  readonly #attempts: AttemptStore;
  readonly #pacer: OfferPacer;
  readonly #eventLog: EventLog;
  readonly #labels: LabelStore;

  constructor(deps: {
    readonly database: Kysely<Database>;
    readonly store: CampaignStore;
    readonly running: RunningCampaigns;
    readonly attempts: AttemptStore;
    readonly pacer: OfferPacer;
    readonly eventLog: EventLog;
  }) {
    this.#database = deps.database;
    this.#store = deps.store;
    this.#running = deps.running;
    this.#attempts = deps.attempts;
    this.#pacer = deps.pacer;
    this.#eventLog = deps.eventLog;
    this.#labels = new LabelStore(deps.database);
  }

  async reachOf(model: string): Promise<Reach> {
    const { campaigns, epoch } = await this.#running.of(model);
    return { epoch, reaches: (device) => campaigns.some((campaign) => reaches(campaign, device)) };
  }

  /**
   * Decides over the campaigns in memory; the registry is asked only for a device that one has come to.
   * What they may have missed, a pause on another replica, is checked when the offer is noted.
   */
  async answerTo(device: PollingDevice, nowMs: number): Promise<PollDecision> {
    const running = await this.#running.of(device.model);
    const campaigns = running.campaigns.filter((campaign) => reaches(campaign, device));
    if (campaigns.length === 0) return NOTHING;
    if (device.lifecycle === 'retired') return NOTHING;
    const all = await this.#attempts.ofDevice(device.id);
    const labels = campaigns.some(needsLabels) ? await this.#labels.of(device.id) : {};
    const listedIn = await this.#listsWith(device.id, campaigns);
    const candidates = campaigns.map((campaign) => ({
      campaign,
      attempts: all
        .filter((attempt) => attempt.campaign_id === campaign.id)
        .map(({ round, state, started_at_ms: startedAtMs }) => ({ round, state, startedAtMs })),
      isListed: listedIn.has(campaign.id),
    }));
    const rolledBack = all.filter(({ state }) => state === 'rolled_back');
    const rolledBackFrom = new Set(rolledBack.map((attempt) => attempt.to_version));
    return decidePoll({ ...device, labels, rolledBackFrom }, candidates, nowMs);
  }

  async #listsWith(
    deviceId: string,
    campaigns: readonly StoredCampaign[],
  ): Promise<ReadonlySet<string>> {
    const ids = campaigns.filter(({ rules }) => rules.list !== 'none').map(({ id }) => id);
    if (ids.length === 0) return new Set();
    const rows = await this.#database
      .selectFrom('campaign_members')
      .select('campaign_id')
      .where('device_id', '=', deviceId)
      .where('campaign_id', 'in', ids)
      .execute();
    return new Set(rows.map((row) => row.campaign_id));
  }

  async markOffered(deviceId: string, offer: Offer, nowMs: number): Promise<void> {
    const known = await this.#attempts.find(offer.campaignId, deviceId, offer.round);
    if (known !== null) return;
    const campaign = await findCampaign(this.#store, offer.campaignId);
    const device = await this.#knownDevice(deviceId);
    if (!(await this.#pacer.admits(campaign, deviceId, nowMs))) {
      throw new ProblemError('conflict', { detail: `${campaign.id} is at its rate limit` });
    }
    const versions = { from: device.firmware_version, to: campaign.version };
    const report: UpdateReport = {
      reportId: offeredReportId(campaign.id, deviceId, offer.round),
      campaignId: campaign.id,
      phase: offer.phase,
      round: offer.round,
      state: 'offered',
      fromVersion: versions.from,
      toVersion: versions.to,
      transferBytes: 0,
      usedDelta: false,
      occurredAt: new Date(nowMs).toISOString(),
    };
    await publishUpdateEvent(this.#eventLog, device, report, nowMs);
    if (await this.#attempts.insertOffered(deviceId, offer, versions, nowMs)) return;
    throw new ProblemError('conflict', {
      detail: `campaign ${campaign.id} does not offer round ${offer.round} any more`,
    });
  }

  async recordReport(deviceId: string, report: UpdateReport, nowMs: number): Promise<void> {
    const campaign = await findCampaign(this.#store, report.campaignId);
    const device = await this.#knownDevice(deviceId);
    const attempt = await this.#attempts.find(campaign.id, deviceId, report.round);
    if (attempt === null) {
      throw new ProblemError('not_found', {
        detail: `campaign ${campaign.id} never offered ${deviceId} anything in round ${report.round}`,
      });
    }
    refuseUnless(report.phase === attempt.phase, 'phase', `was offered as ${attempt.phase}`);
    refuseUnless(report.toVersion === campaign.version, 'toVersion', `is ${campaign.version}`);
    // That it was offered is known here first; the device's word adds nothing.
    if (report.state === 'offered') return;
    // The repeat of a report whose answer got lost.
    if (attempt.last_report_id === report.reportId) return;
    await publishUpdateEvent(this.#eventLog, device, report, nowMs);
    await this.#attempts.apply(attempt, report, nowMs);
  }

  async #knownDevice(deviceId: string) {
    const device = await this.#device(deviceId);
    if (device !== null) return device;
    throw new ProblemError('not_found', { detail: `there is no device ${deviceId}` });
  }

  async #device(deviceId: string) {
    const device = await this.#database
      .selectFrom('devices')
      .select(['id', 'model', 'firmware_version'])
      .where('id', '=', deviceId)
      .executeTakeFirst();
    return device ?? null;
  }
}

function refuseUnless(holds: boolean, field: string, rule: string): void {
  if (holds) return;
  const detail = `does not fit the offer: ${field} ${rule}`;
  throw new ProblemError('validation_failed', {
    detail: `/body/${field}: ${detail}`,
    errors: [{ pointer: `/body/${field}`, detail }],
  });
}
