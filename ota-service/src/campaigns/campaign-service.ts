import type { ClickHouseClient } from '@clickhouse/client';
import type { Kysely } from 'kysely';
import type { Registry } from 'prom-client';
import type {
  CampaignActionName,
  CampaignCreate,
  CampaignEvent,
  CampaignPlan,
  CampaignView,
  RollbackOrder,
  UpdateRecord,
  UpdateReport,
} from '@flotilla/contracts';
import type { EventLog } from '@flotilla/event-log';
import type { Logger } from '@flotilla/service';
import type { Database } from '../db/database.ts';
import { LEASE_MS, Leases } from '../db/leases.ts';
import { AttemptStore } from './attempt-store.ts';
import { actOnCampaign, findCampaign, type ActionBy } from './campaign-actions.ts';
import { createCampaign } from './campaign-creation.ts';
import { dryRunCampaign } from './campaign-dry-run.ts';
import { CampaignMetrics } from './campaign-metrics.ts';
import { CampaignObserver } from './campaign-observer.ts';
import type { StoredCampaign } from './campaign-rows.ts';
import { CampaignStore } from './campaign-store.ts';
import { campaignView } from './campaign-view.ts';
import { CensusReader } from './census-reader.ts';
import { ControlReader } from './control-reader.ts';
import type { Offer, PollDecision } from './domain/offer-decision.ts';
import { DueSteps } from './due-steps.ts';
import { EvaluationLoop } from './evaluation-loop.ts';
import { GuardControls } from './guard-controls.ts';
import { GuardReader } from './guard-reader.ts';
import { OfferPacer } from './offer-pacer.ts';
import { RollbackStore } from './rollback-store.ts';
import { pauseUnofferable, refuseUnofferable } from './unofferable-campaigns.ts';
import { RunningCampaigns } from './running-campaigns.ts';
import { UpdateIntake, type PollingDevice, type Reach } from './update-intake.ts';

export type { Offer, PollDecision } from './domain/offer-decision.ts';
export type { Reach } from './update-intake.ts';

export interface CampaignService {
  /** Which devices of a model its campaigns have come to, from memory. */
  reachOf(model: string): Promise<Reach>;
  /** What this device may or shall do now. Changes nothing. */
  answerTo(device: PollingDevice, nowMs: number): Promise<PollDecision>;
  /**
   * To be called before the offer goes out; repeats do nothing. Throws ProblemError `conflict` when
   * the campaign was paused or ended meanwhile, or is at its rate limit: then the offer must not go out.
   * Rejects with the event log's own errors when it is full or gone.
   */
  markOffered(deviceId: string, offer: Offer, nowMs: number): Promise<void>;
  /** To be called before an order back goes out; repeats do nothing. */
  markOrdered(deviceId: string, order: RollbackOrder, nowMs: number): Promise<void>;
  /**
   * Durable (event log, then registry) when it resolves; idempotent by `reportId`. Throws
   * ProblemError `not_found` (campaign, device, or never offered) or `validation_failed`.
   */
  recordReport(deviceId: string, report: UpdateReport, nowMs: number): Promise<void>;
  /** Newest first, at most `perDevice` each; devices without updates are absent. */
  updatesOf(deviceIds: readonly string[], perDevice: number): Promise<Map<string, UpdateRecord[]>>;
  create(request: CampaignCreate, actor: string): Promise<CampaignView>;
  /** What `create` would do, device by device; `samples` of each list at most. Changes nothing. */
  dryRun(request: CampaignCreate, samples: number): Promise<CampaignPlan>;
  /** Newest first. */
  list(): Promise<CampaignView[]>;
  get(campaignId: string): Promise<CampaignView>;
  /** Oldest first. */
  events(campaignId: string): Promise<CampaignEvent[]>;
  act(campaignId: string, action: CampaignActionName, by: ActionBy): Promise<CampaignView>;
  /** Pauses the running campaigns whose firmware may be offered to nobody any more, and says why. */
  pauseUnofferable(): Promise<void>;
  /** Somebody changed a campaign past this service: whoever asks from now on sees it. */
  expire(): void;
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
  const rollbacks = new RollbackStore(database);
  const running = new RunningCampaigns(database, store);
  const pacer = new OfferPacer(database);
  const intake = new UpdateIntake({ database, store, running, attempts, pacer, eventLog });
  const loop = evaluationLoop(deps, store, rollbacks);
  return {
    reachOf: (model) => intake.reachOf(model),
    answerTo: (device, nowMs) => intake.answerTo(device, nowMs),
    markOrdered: (deviceId, order, nowMs) => rollbacks.insertOrdered(deviceId, order, nowMs),
    markOffered: (deviceId, offer, nowMs) => intake.markOffered(deviceId, offer, nowMs),
    recordReport: (deviceId, report, nowMs) => intake.recordReport(deviceId, report, nowMs),
    updatesOf: (deviceIds, perDevice) => attempts.updatesOf(deviceIds, perDevice),
    ...forOperators(deps, { store, attempts, rollbacks, running, loop }),
    async pauseUnofferable() {
      await pauseUnofferable(database, store, clock());
      running.expire();
    },
    expire: () => running.expire(),
    async evaluateAll() {
      await loop.evaluateAll();
      running.expire();
    },
    start: () => loop.start(),
    stop: () => loop.stop(),
  };
}

function forOperators(
  { database, clock, newId }: CampaignServiceDeps,
  parts: {
    readonly store: CampaignStore;
    readonly attempts: AttemptStore;
    readonly rollbacks: RollbackStore;
    readonly running: RunningCampaigns;
    readonly loop: EvaluationLoop;
  },
): Pick<CampaignService, 'create' | 'dryRun' | 'list' | 'get' | 'events' | 'act'> {
  const { store, attempts, rollbacks, running, loop } = parts;
  const viewOf = async (campaign: StoredCampaign, exposed: ReadonlyMap<string, number>) => {
    const isBack = campaign.status === 'rolling_back' || campaign.status === 'rolled_back';
    const back = isBack ? await rollbacks.progress(campaign) : null;
    return campaignView(campaign, exposed.get(campaign.id) ?? 0, back);
  };
  const get = async (id: string) =>
    viewOf(await findCampaign(store, id), await attempts.exposedDevices([id]));
  return {
    async create(request, actor) {
      const id = request.id ?? newId('cmp');
      await createCampaign({ database, store }, id, request, actor, clock());
      running.expire();
      return get(id);
    },
    dryRun: (request, samples) =>
      dryRunCampaign({ database, store }, request.id ?? newId('cmp'), request, {
        samples,
        nowMs: clock(),
      }),
    async list() {
      const campaigns = await store.list({});
      const exposed = await attempts.exposedDevices(campaigns.map(({ id }) => id));
      return Promise.all(campaigns.map((campaign) => viewOf(campaign, exposed)));
    },
    get,
    async events(id) {
      await findCampaign(store, id);
      return store.events(id);
    },
    async act(id, action, by) {
      if (action === 'approve' || action === 'resume' || action === 'retry') {
        await refuseUnofferable(database, (await findCampaign(store, id)).firmwareId);
      }
      await actOnCampaign(store, id, action, by, clock());
      if (action === 'approve') await loop.takeDueSteps();
      running.expire();
      return get(id);
    },
  };
}

function evaluationLoop(
  deps: CampaignServiceDeps,
  store: CampaignStore,
  rollbacks: RollbackStore,
): EvaluationLoop {
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
    dueSteps: new DueSteps({ database, store, rollbacks, clock, logger }),
    observer,
    metrics: new CampaignMetrics(deps.registry),
    leases: new Leases(database, Math.max(LEASE_MS, 3 * intervalMs)),
    intervalMs,
    clock,
    logger,
  });
}
