import type { Kysely } from 'kysely';
import type { UpdateReport } from '@flotilla/contracts';
import type { EventLog } from '@flotilla/event-log';
import { ProblemError } from '@flotilla/service';
import type { Database } from '../db/database.ts';
import type { AttemptStore } from './attempt-store.ts';
import { findCampaign } from './campaign-actions.ts';
import type { CampaignStore } from './campaign-store.ts';
import { decideOffer, reaches, type Offer } from './domain/offer-decision.ts';
import type { RunningCampaigns } from './running-campaigns.ts';
import { offeredReportId, publishUpdateEvent } from './update-event-log.ts';

export interface PollingDevice {
  readonly id: string;
  readonly model: string;
  readonly group: string;
  readonly firmwareVersion: string | null;
}

/** What runs for a model, asked many times a second. */
export interface Reach {
  /** Changes whenever a campaign of the model starts, ends or takes a step. */
  readonly epoch: number;
  /** Whether a campaign has come to this device; while none has, there is nothing to offer it. */
  readonly reaches: (device: Pick<PollingDevice, 'id' | 'group'>) => boolean;
}

/** What devices ask and tell about updates. */
export class UpdateIntake {
  readonly #database: Kysely<Database>;
  readonly #store: CampaignStore;
  readonly #running: RunningCampaigns;
  readonly #attempts: AttemptStore;
  readonly #eventLog: EventLog;

  constructor(deps: {
    readonly database: Kysely<Database>;
    readonly store: CampaignStore;
    readonly running: RunningCampaigns;
    readonly attempts: AttemptStore;
    readonly eventLog: EventLog;
  }) {
    this.#database = deps.database;
    this.#store = deps.store;
    this.#running = deps.running;
    this.#attempts = deps.attempts;
    this.#eventLog = deps.eventLog;
  }

  async reachOf(model: string): Promise<Reach> {
    const { campaigns, epoch } = await this.#running.of(model);
    return { epoch, reaches: (device) => campaigns.some((campaign) => reaches(campaign, device)) };
  }

  /**
   * Decides over the campaigns in memory; the registry is asked only for a device that one has come to.
   * What they may have missed, a pause on another replica, is checked when the offer is noted.
   */
  async offerFor(device: PollingDevice): Promise<Offer | null> {
    const running = await this.#running.of(device.model);
    const campaigns = running.campaigns.filter((campaign) => reaches(campaign, device));
    if (campaigns.length === 0) return null;
    const known = await this.#device(device.id);
    if (known !== null && isParked(known.lifecycle)) return null;
    const ids = campaigns.map((campaign) => campaign.id);
    const attempts = Map.groupBy(
      await this.#attempts.ofDevice(device.id, ids),
      (attempt) => attempt.campaign_id,
    );
    const candidates = campaigns.map((campaign) => ({
      campaign,
      attempts: attempts.get(campaign.id) ?? [],
    }));
    return decideOffer(device, candidates);
  }

  async markOffered(deviceId: string, offer: Offer, nowMs: number): Promise<void> {
    const known = await this.#attempts.find(offer.campaignId, deviceId, offer.round);
    if (known !== null) return;
    const campaign = await findCampaign(this.#store, offer.campaignId);
    const device = await this.#knownDevice(deviceId);
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
      .select(['id', 'model', 'lifecycle', 'firmware_version'])
      .where('id', '=', deviceId)
      .executeTakeFirst();
    return device ?? null;
  }
}

function isParked(lifecycle: string): boolean {
  return lifecycle === 'maintenance' || lifecycle === 'retired';
}

function refuseUnless(holds: boolean, field: string, rule: string): void {
  if (holds) return;
  const detail = `does not fit the offer: ${field} ${rule}`;
  throw new ProblemError('validation_failed', {
    detail: `/body/${field}: ${detail}`,
    errors: [{ pointer: `/body/${field}`, detail }],
  });
}
