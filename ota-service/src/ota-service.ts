import type { KeyObject } from 'node:crypto';
import type { ClickHouseClient } from '@clickhouse/client';
import type { FastifyInstance } from 'fastify';
import { sql, type Kysely } from 'kysely';
import type { Registry } from 'prom-client';
import type { EventLog } from '@flotilla/event-log';
import { closeServer, createHttpServer, type Logger } from '@flotilla/service';
import { AlertIntake } from './alerts-webhook/alert-webhook.ts';
import { registerAlertRoutes } from './alerts-webhook/alert-routes.ts';
import { AlertStates } from './alerts-webhook/alert-states.ts';
import { registerAlertWebhook } from './alerts-webhook/alert-webhook-route.ts';
import type { CampaignService } from './campaigns/campaign-service.ts';
import type { Database } from './db/database.ts';
import { Leases } from './db/leases.ts';
import { computeDelta } from './delta/compute-delta.ts';
import { DeltaJobs } from './delta/delta-jobs.ts';
import { DeltaStore } from './delta/delta-store.ts';
import {
  createIdentityServices,
  type CaSettings,
  type IdentityServices,
} from './identity-services.ts';
import { registerIdentityApi, registerInternalApi } from './identity-apis.ts';
import type { CredentialHolder } from './lifecycle/decommission-effects.ts';
import { DeviceStore } from './devices/device-store.ts';
import {
  deviceApiDeps,
  registerClaimApi,
  registerDdiApi,
  registerDeviceApi,
} from './device-apis.ts';
import { HealthReader } from './devices/health-reader.ts';
import { LastSeenBuffer } from './devices/last-seen-buffer.ts';
import { registerLabelRoutes } from './devices/label-routes.ts';
import { LabelStore } from './devices/label-store.ts';
import { registerRegistryRoutes } from './devices/registry-routes.ts';
import type { ArtifactStore } from './firmware/artifact-store.ts';
import { ChannelStore } from './firmware/channel-store.ts';
import { registerFirmwareRoutes } from './firmware/firmware-routes.ts';
import { followTargets, type TargetsChange } from './firmware/firmware-release.ts';
import { FirmwareStore } from './firmware/firmware-store.ts';
import { FirmwareUploads } from './firmware/firmware-upload.ts';
import { GarbageCollector } from './firmware/garbage-collector.ts';
import { registerGarbageRoutes } from './firmware/garbage-routes.ts';
import { GarbageStore } from './firmware/garbage-store.ts';
import { registerModelRoutes } from './firmware/model-routes.ts';
import { ModelStore } from './firmware/model-store.ts';
import type { PartialArtifactStore } from './firmware/partial-artifact-store.ts';
import { ResumableUploads } from './firmware/resumable-uploads.ts';
import { registerUploadRoutes } from './firmware/upload-routes.ts';
import { UploadStore } from './firmware/upload-store.ts';
import { registerFleetRoutes } from './fleet/fleet-routes.ts';
import { FleetSummaries } from './fleet/fleet-summaries.ts';
import { FleetTelemetry } from './fleet/fleet-telemetry.ts';
import { registerConsole } from './http/console.ts';
import { measureRequests, registerRegistryMetrics } from './http/metrics.ts';
import { requireOperator } from './http/operator-auth.ts';
import { registerStatusRoute } from './http/status-route.ts';
import { registerOpenApiRoute } from './openapi/openapi-route.ts';
import { OnlineSigner, type OnlineValidity } from './trust/online-signer.ts';
import { registerTrustMetrics } from './trust/trust-metrics.ts';
import { registerTrustRoutes } from './trust/trust-routes.ts';
import { TrustService } from './trust/trust-service.ts';
import { TrustStore } from './trust/trust-store.ts';

/** Longest that a sighting stays in memory. */
const LAST_SEEN_FLUSH_MS = 1000;

/** What the rest of the service asks of campaigns; their own routes know more. */
export type CampaignPort = Pick<
  CampaignService,
  | 'reachOf'
  | 'answerTo'
  | 'markOffered'
  | 'markOrdered'
  | 'recordReport'
  | 'updatesOf'
  | 'pauseUnofferable'
  | 'expire'
  | 'start'
  | 'stop'
>;

/** Requests in flight get this long at a stop; a device resumes a download that is cut (Range). */
const DRAIN_MS = 3000;

/** Opened engines and settings; whoever opened them closes them, after `stop`. */
export interface OtaServiceDeps {
  readonly database: Kysely<Database>;
  readonly artifacts: ArtifactStore;
  readonly partials: PartialArtifactStore;
  readonly eventLog: EventLog;
  readonly warehouse: ClickHouseClient;
  readonly tufRoot: string;
  readonly onlineKeys: readonly KeyObject[];
  readonly tufValidity: OnlineValidity;
  readonly deviceTokenKey: KeyObject;
  readonly operatorToken: string;
  /** Alertmanager's; without one there is no webhook. */
  readonly alertWebhookToken: string | undefined;
  readonly campaigns: CampaignPort;
  readonly registerCampaignRoutes: (app: FastifyInstance) => void;
  readonly maxArtifactBytes: number;
  readonly devicePollMs: number;
  readonly consoleFolder: string | undefined;
  readonly version: string;
  readonly clock: () => number;
  readonly newId: (prefix: string) => string;
  readonly logger: Logger;
  readonly registry: Registry;
  /** An authority of our own, for devices with certificates; without it there are tokens alone. */
  readonly ca?: CaSettings;
  /** Opens the internal API, for the services beside this one; without it there is none. */
  readonly internalToken?: string;
  /** Other places with credentials of devices, to be emptied when one is retired. */
  readonly credentialHolders?: readonly CredentialHolder[];
  /** Computes deltas; on a worker thread when not given. */
  readonly computeDelta?: typeof computeDelta;
  /** Of these at the same time; default 1. */
  readonly deltaJobsAtOnce?: number;
}

export interface OtaService {
  readonly app: FastifyInstance;
  readonly trust: TrustService;
  readonly identity: IdentityServices;
  /** Background work: the evaluation loop and the delta queue. */
  start(): void;
  stop(): Promise<void>;
}

/** Wires the service from its engines. */
export async function createOtaService(deps: OtaServiceDeps): Promise<OtaService> {
  const { database, clock, logger } = deps;
  const devices = new DeviceStore(database);
  const firmware = new FirmwareStore(database);
  const deltas = new DeltaStore(database);
  const lastSeen = new LastSeenBuffer(devices, logger, LAST_SEEN_FLUSH_MS);
  const shared = { ...deps, leases: new Leases(database) };
  const compute = deps.computeDelta ?? computeDelta;
  const deltaJobs = new DeltaJobs({ ...shared, store: deltas, compute });
  const health = await HealthReader.create(deps.warehouse, clock, logger);
  const models = new ModelStore(database);
  const uploads = new FirmwareUploads({ ...deps, store: firmware, models });
  const uploadStore = new UploadStore(database);
  const resumable = new ResumableUploads({ ...shared, store: uploadStore, firmware, uploads });
  const trust = await openTrust(deps);
  const garbage = new GarbageCollector({ ...deps, store: new GarbageStore(database) });
  const stores = { devices, firmware, models, deltas };
  const work = { lastSeen, deltaJobs, health, uploads, resumable, trust, garbage };
  const parts: Parts = { ...stores, ...work };
  const identity = await createIdentityServices(deps, devices);
  await identity.start();

  const app = createApp(deps, parts, identity);
  let pausing: Promise<void> | undefined;
  return {
    app,
    trust,
    identity,
    start() {
      // What a kill left between a withdrawal and its pauses.
      pausing = deps.campaigns
        .pauseUnofferable()
        .catch((err: unknown) => logger.error({ err }, 'campaigns could not be paused'));
      deps.campaigns.start();
      deltaJobs.start();
      resumable.start();
      trust.start();
      garbage.start();
    },
    async stop() {
      await closeServer(app, DRAIN_MS);
      await identity.stop();
      await pausing;
      trust.stop();
      await deps.campaigns.stop();
      await deltaJobs.stop();
      await resumable.stop();
      await garbage.stop();
      await lastSeen.flush();
    },
  };
}

/** Every route, each below the authentication of who calls it. */
function createApp(
  deps: OtaServiceDeps,
  parts: Parts,
  identity: IdentityServices,
): FastifyInstance {
  const { database, logger, registry, consoleFolder, alertWebhookToken } = deps;
  const app = createHttpServer({ logger, registry, readiness: () => readiness(database) });
  measureRequests(app, registry);
  registerRegistryMetrics(registry, parts);
  registerTrustMetrics(registry, new TrustStore(database));
  registerOpenApiRoute(app, deps.version);
  scope(app, (operator) => {
    registerOperatorApi(operator, deps, parts);
    registerIdentityApi(operator, deps, parts, identity);
  });
  scope(app, (internal) => registerInternalApi(internal, deps, identity));
  const devicesApi = deviceApiDeps(deps, parts, identity);
  scope(app, (device) => registerDeviceApi(device, devicesApi));
  scope(app, (device) => registerDdiApi(device, devicesApi));
  scope(app, (device) => registerClaimApi(device, devicesApi));
  if (alertWebhookToken !== undefined) {
    const alerts = new AlertIntake(deps);
    scope(app, (hook) => registerAlertWebhook(hook, alerts, alertWebhookToken));
  }
  if (consoleFolder !== undefined) scope(app, (page) => registerConsole(page, consoleFolder));
  return app;
}

async function openTrust(deps: OtaServiceDeps): Promise<TrustService> {
  const signer = new OnlineSigner(deps.onlineKeys, deps.tufValidity);
  const trust = new TrustService({ ...deps, signer, apply: followTargets });
  await trust.open(deps.tufRoot);
  return trust;
}

export interface Parts {
  readonly devices: DeviceStore;
  readonly firmware: FirmwareStore;
  readonly deltas: DeltaStore;
  readonly lastSeen: LastSeenBuffer;
  readonly deltaJobs: DeltaJobs;
  readonly health: HealthReader;
  readonly models: ModelStore;
  readonly uploads: FirmwareUploads;
  readonly resumable: ResumableUploads;
  readonly trust: TrustService;
  readonly garbage: GarbageCollector;
}

function registerOperatorApi(app: FastifyInstance, deps: OtaServiceDeps, parts: Parts): void {
  const { clock } = deps;
  app.addHook('onRequest', requireOperator(deps.operatorToken));
  // Answers show the fleet, one of them a device's token: no cache on the way may keep them.
  app.addHook('onSend', (_request, reply, payload, done) => {
    void reply.header('cache-control', 'no-store');
    done(null, payload);
  });
  registerStatusRoute(app, { version: deps.version, startedAtMs: clock(), clock });
  registerAlertRoutes(app, new AlertStates(deps.database));
  const { models, uploads, resumable } = parts;
  const onUnofferable = () => deps.campaigns.pauseUnofferable();
  registerModelRoutes(app, {
    models,
    channels: new ChannelStore(deps.database),
    store: parts.firmware,
    onUnofferable,
    clock,
  });
  registerFirmwareRoutes(app, {
    store: parts.firmware,
    onUnofferable,
    uploads,
    clock,
  });
  registerTrustRoutes(app, {
    trust: parts.trust,
    onPublished: (change) => afterPublication(change, deps, parts),
  });
  registerGarbageRoutes(app, parts.garbage);
  registerUploadRoutes(app, {
    resumable,
    store: parts.firmware,
    maxArtifactBytes: deps.maxArtifactBytes,
  });
  registerRegistryRoutes(app, {
    store: parts.devices,
    firmware: parts.firmware,
    lastSeen: parts.lastSeen,
    health: parts.health,
    campaigns: deps.campaigns,
    deviceTokenKey: deps.deviceTokenKey,
    clock,
  });
  const telemetry = new FleetTelemetry(deps.warehouse);
  const summaries = new FleetSummaries({ ...deps, telemetry, health: parts.health });
  registerFleetRoutes(app, { ...deps, telemetry, summaries });
  registerLabelRoutes(app, new LabelStore(deps.database));
  deps.registerCampaignRoutes(app);
}

/** Deltas for what came, a pause for the campaigns of what went. */
async function afterPublication(
  change: TargetsChange,
  deps: OtaServiceDeps,
  parts: Parts,
): Promise<void> {
  if (change.removed.length > 0) await deps.campaigns.pauseUnofferable();
  for (const { release } of change.added) {
    const row = await parts.firmware.byVersion(release.model, release.version);
    if (row !== undefined) await parts.deltaJobs.planFor(row);
  }
}

/** A part of the server with hooks and parsers of its own. */
function scope(app: FastifyInstance, build: (scoped: FastifyInstance) => void): void {
  void app.register((scoped, _options, done) => {
    build(scoped);
    done();
  });
}

async function readiness(database: Kysely<Database>): Promise<string | null> {
  try {
    await sql`select 1`.execute(database);
    return null;
  } catch (error) {
    return `the registry does not answer: ${error instanceof Error ? error.message : 'unknown'}`;
  }
}
