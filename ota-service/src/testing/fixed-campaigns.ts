import type { RollbackOrder, UpdateRecord, UpdateReport } from '@flotilla/contracts';
import { ProblemError } from '@flotilla/service';
import type { Offer, PollDecision, Reach } from '../campaigns/campaign-service.ts';
import type { PollingDevice } from '../campaigns/update-intake.ts';
import type { CampaignPort } from '../ota-service.ts';

/**
 * Campaigns without phases or gates: `offer` goes to every device that is not in maintenance, reports are
 * kept in memory.
 */
export class FixedCampaigns implements CampaignPort {
  #offer: Offer | null = null;
  #epoch = 1;
  /** A way back for every device; it goes before the offer. */
  order: RollbackOrder | null = null;
  readonly ordered: { readonly deviceId: string; readonly order: RollbackOrder }[] = [];
  readonly offered: { readonly deviceId: string; readonly offer: Offer }[] = [];
  /** How often it was asked to pause what may not be offered; the offer itself stays. */
  pausedUnofferable = 0;
  readonly #reports = new Map<string, { deviceId: string; report: UpdateReport }>();

  get offer(): Offer | null {
    return this.#offer;
  }

  set offer(offer: Offer | null) {
    this.#offer = offer;
    this.#epoch += 1;
  }

  reachOf(): Promise<Reach> {
    return Promise.resolve({
      epoch: this.#epoch,
      reaches: () => this.offer !== null || this.order !== null,
    });
  }

  answerTo({ lifecycle }: PollingDevice): Promise<PollDecision> {
    const { offer, order } = this;
    if (lifecycle === 'maintenance') return Promise.resolve({ kind: 'nothing', untilMs: null });
    if (order !== null) return Promise.resolve({ kind: 'rollback', order });
    if (offer !== null) return Promise.resolve({ kind: 'offer', offer });
    return Promise.resolve({ kind: 'nothing', untilMs: null });
  }

  markOrdered(deviceId: string, order: RollbackOrder): Promise<void> {
    this.ordered.push({ deviceId, order });
    return Promise.resolve();
  }

  markOffered(deviceId: string, offer: Offer): Promise<void> {
    this.offered.push({ deviceId, offer });
    return Promise.resolve();
  }

  expire(): void {
    this.#epoch += 1;
  }

  pauseUnofferable(): Promise<void> {
    this.pausedUnofferable += 1;
    return Promise.resolve();
  }

  recordReport(deviceId: string, report: UpdateReport): Promise<void> {
    if (report.campaignId !== this.offer?.campaignId) {
      return Promise.reject(
        new ProblemError('not_found', { detail: `no campaign ${report.campaignId}` }),
      );
    }
    this.#reports.set(report.reportId, { deviceId, report });
    return Promise.resolve();
  }

  updatesOf(deviceIds: readonly string[], perDevice: number): Promise<Map<string, UpdateRecord[]>> {
    const all = [...this.#reports.values()].toReversed();
    const recordsOf = (id: string) =>
      all.filter((kept) => kept.deviceId === id).map((kept) => toRecord(kept.report));
    return Promise.resolve(new Map(deviceIds.map((id) => [id, recordsOf(id).slice(0, perDevice)])));
  }

  start(): void {
    // There is no loop to start.
  }

  stop(): Promise<void> {
    return Promise.resolve();
  }
}

function toRecord(report: UpdateReport): UpdateRecord {
  return {
    campaignId: report.campaignId,
    campaignName: 'fixed',
    phase: report.phase,
    round: report.round,
    state: report.state,
    reason: report.reason ?? null,
    detail: report.detail ?? null,
    fromVersion: report.fromVersion,
    toVersion: report.toVersion,
    transferBytes: report.transferBytes,
    usedDelta: report.usedDelta,
    startedAt: report.occurredAt,
    updatedAt: report.occurredAt,
  };
}
