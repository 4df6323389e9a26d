import type { ClickHouseClient } from '@clickhouse/client';
import type { Kysely } from 'kysely';
import type { Registry } from 'prom-client';
import type {
  CampaignCreate,
  CampaignEvent,
  CampaignView,
  UpdateRecord,
  UpdateReport,
} from '@flotilla/contracts';
import type { EventLog } from '@flotilla/event-log';
import type { Logger } from '@flotilla/service';
import type { Database } from '../db/database.ts';
import { LEASE_MS, Leases } from '../db/leases.ts';
import { AttemptStore } from './attempt-store.ts';
import { actOnCampaign, findCampaign, type OperatorAction } from './campaign-actions.ts';
import { createCampaign } from './campaign-creation.ts';
import { CampaignMetrics } from './campaign-metrics.ts';
import { CampaignObserver } from './campaign-observer.ts';
import type { StoredCampaign } from './campaign-rows.ts';
import { CampaignStore } from './campaign-store.ts';
import { campaignView } from './campaign-view.ts';
import { CensusReader } from './census-reader.ts';
import { ControlReader } from './control-reader.ts';
import type { Offer } from './domain/offer-decision.ts';
import { EvaluationLoop } from './evaluation-loop.ts';
import { GuardControls } from './guard-controls.ts';
import { GuardReader } from './guard-reader.ts';
import { pauseUnofferable, refuseUnofferable } from './unofferable-campaigns.ts';
import { RunningCampaigns } from './running-campaigns.ts';
import { UpdateIntake, type PollingDevice, type Reach } from './update-intake.ts';

export type { Offer } from './domain/offer-decision.ts';
export type { Reach } from './update-intake.ts';

export interface CampaignService {
  /** Which devices of a model its campaigns have come to, from memory. */
  reachOf(model: string): Promise<Reach>;
  /** What this device may install now; null for nothing. Changes nothing. */
  offerFor(device: PollingDevice, nowMs: number): Promise<Offer | null>;
  /**
   * To be called before the offer goes out; repeats do nothing. Throws ProblemError `conflict` when
   * the campaign was paused or ended meanwhile: then the offer must not go out. Rejects with the
   * event log's own errors when it is full or gone.
   */
  markOffered(deviceId: string, offer: Offer, nowMs: number): Promise<void>;
  /**
   * Durable (event log, then registry) when it resolves; idempotent by `reportId`. Throws
   * ProblemError `not_found` (campaign, device, or never offered) or `validation_failed`.
   */
  recordReport(deviceId: string, report: UpdateReport, nowMs: number): Promise<void>;
  /** Newest first, at most `perDevice` each; devices without updates are absent. */
  updatesOf(deviceIds: readonly string[], perDevice: number): Promise<Map<string, UpdateRecord[]>>;
  create(request: CampaignCreate, actor: string): Promise<CampaignView>;
  /** Newest first. */
  list(): Promise<CampaignView[]>;
  get(campaignId: string): Promise<CampaignView>;
  /** Oldest first. */
  events(campaignId: string): Promise<CampaignEvent[]>;
  act(
    campaignId: string,
    action: OperatorAction,
    by: { readonly actor: string; readonly reason: string },
  ): Promise<CampaignView>;
  /** Pauses the running campaigns whose firmware may be offered to nobody any more, and says why. */
  pauseUnofferable(): Promise<void>;
  /** Evaluates all campaigns once, now. */
  evaluateAll(): Promise<void>;
  /** Starts the evaluation loop. */
  start(): void;
  /** Resolves when the evaluation under way has ended. */
  stop(): Promise<void>;
}

export interface CampaignServiceDeps {
  readonly database: Kysely<Database>;
  readonly eventLog: EventLog;
  readonly warehouse: ClickHouseClient;
  readonly evaluationIntervalMs: number;
  /** Milliseconds since the epoch. */
  readonly clock: () => number;
  /** `newId('cmp')` → `cmp_` and twelve of 0-9 a-z. */
  readonly newId: (prefix: string) => string;
  readonly logger: Logger;
  readonly registry: Registry;
}

export function createCampaignService(deps: CampaignServiceDeps): CampaignService {
  const { database, eventLog, clock } = deps;
  const store = new CampaignStore(database);
  const attempts = new AttemptStore(database);
  const running = new RunningCampaigns(database, store);
  const intake = new UpdateIntake({ database, store, running, attempts, eventLog });
  const loop = evaluationLoop(deps, store);
  const views = async (campaigns: readonly StoredCampaign[]) => {
    const exposed = await attempts.exposedDevices(campaigns.map(({ id }) => id));
    return campaigns.map((campaign) => campaignView(campaign, exposed.get(campaign.id) ?? 0));
  };
  const get = async (id: string) => {
    const campaign = await findCampaign(store, id);
    const exposed = await attempts.exposedDevices([id]);
    return campaignView(campaign, exposed.get(id) ?? 0);
  };
  return {
    reachOf: (model) => intake.reachOf(model),
    offerFor: (device) => intake.offerFor(device),
    markOffered: (deviceId, offer, nowMs) => intake.markOffered(deviceId, offer, nowMs),
    recordReport: (deviceId, report, nowMs) => intake.recordReport(deviceId, report, nowMs),
    updatesOf: (deviceIds, perDevice) => attempts.updatesOf(deviceIds, perDevice),
    async create(request, actor) {
      const id = deps.newId('cmp');
      await createCampaign({ database, store }, id, request, actor, clock());
      running.expire();
      return get(id);
    },
    list: async () => views(await store.list({})),
    get,
    async events(id) {
      await findCampaign(store, id);
      return store.events(id);
    },
    async act(id, action, by) {
      if (action === 'resume') {
        await refuseUnofferable(database, (await findCampaign(store, id)).firmwareId);
      }
      await actOnCampaign(store, id, action, by, clock());
      running.expire();
      return get(id);
    },
    async pauseUnofferable() {
      await pauseUnofferable(database, store, clock());
      running.expire();
    },
    async evaluateAll() {
      await loop.evaluateAll();
      running.expire();
    },
    start: () => loop.start(),
    stop: () => loop.stop(),
  };
}

function evaluationLoop(deps: CampaignServiceDeps, store: CampaignStore): EvaluationLoop {
  const { database, warehouse, clock, logger, evaluationIntervalMs: intervalMs } = deps;
  const census = new CensusReader(database, clock);
  const observer = new CampaignObserver({
    warehouse,
    census,
    control: new ControlReader(warehouse, database, clock),
    guards: new GuardReader(warehouse, new GuardControls(database), clock),
    logger,
  });
  return new EvaluationLoop({
    store,
    observer,
    metrics: new CampaignMetrics(deps.registry),
    leases: new Leases(database, Math.max(LEASE_MS, 3 * intervalMs)),
    intervalMs,
    clock,
    logger,
  });
}
