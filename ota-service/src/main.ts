import { availableParallelism, totalmem } from 'node:os';
import { ClickHouseLogLevel, createClient, type ClickHouseClient } from '@clickhouse/client';
import { collectDefaultMetrics, Registry } from 'prom-client';
import { openEventLog } from '@flotilla/event-log';
import {
  FolderLock,
  loadConfig,
  runService,
  type Logger,
  type RunningService,
} from '@flotilla/service';
import packageJson from '../package.json' with { type: 'json' };
import { registerCampaignRoutes } from './campaigns/campaign-routes.ts';
import { createCampaignService } from './campaigns/campaign-service.ts';
import { configSchema, type OtaConfig } from './config.ts';
import { isSharedDatabase } from './db/database-url.ts';
import { openDatabase } from './db/open-database.ts';
import { jobsAtOnce } from './delta/domain/delta-policy.ts';
import { artifactSharing } from './firmware/artifact-sharing.ts';
import { FolderArtifactStore } from './firmware/folder-artifact-store.ts';
import { FleetMetrics } from './fleet-metrics/fleet-metrics.ts';
import { RegistryFleet } from './fleet-metrics/registry-fleet.ts';
import { WarehouseFleet } from './fleet-metrics/warehouse-fleet.ts';
import type { DeviceListener } from './http/device-listener.ts';
import { readIdentitySettings } from './identity-config.ts';
import { openDeviceListener } from './open-device-listener.ts';
import { createOtaService, type OtaService, type OtaServiceDeps } from './ota-service.ts';
import { newRandomId } from './random-id.ts';
import { loadSecrets } from './secrets.ts';

const WAREHOUSE_TIMEOUT_MS = 10_000;
/** As the service's own listener. */
const DRAIN_MS = 3000;
/** A device that has missed so many polls is silent. */
const SILENT_POLLS = 10;
const clock = (): number => Date.now();

await runService('ota-service', start);

async function start(logger: Logger): Promise<RunningService> {
  const config = loadConfig(configSchema, process.env);
  const secrets = await loadSecrets(config);
  const isShared = isSharedDatabase(config.FLOTILLA_DATABASE);
  // Replicas share the folder as they share the database.
  const lock = isShared ? null : FolderLock.acquire(config.FLOTILLA_ARTIFACTS_DIR, process.pid);
  const database = await openDatabase(config.FLOTILLA_DATABASE, {
    poolSize: config.FLOTILLA_DATABASE_POOL_SIZE,
    statementTimeoutMs: config.FLOTILLA_DATABASE_STATEMENT_TIMEOUT_MS,
  });
  const artifacts = await FolderArtifactStore.open(
    config.FLOTILLA_ARTIFACTS_DIR,
    isShared ? artifactSharing(database) : null,
  );
  const eventLog = await openEventLog(config.FLOTILLA_EVENT_LOG);
  const warehouse = openWarehouse(config.FLOTILLA_CLICKHOUSE_URL);
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const shared = { database, eventLog, warehouse, clock, newId: newRandomId, logger, registry };
  const campaigns = createCampaignService({
    ...shared,
    evaluationIntervalMs: config.FLOTILLA_EVALUATION_INTERVAL_MS,
  });
  let tls: DeviceListener | null = null;
  const service = await createOtaService({
    ...shared,
    ...secrets,
    ...(await readIdentitySettings(config, () => tls?.url)),
    ...plainSettings(config),
    artifacts,
    partials: await artifacts.partials(),
    campaigns,
    registerCampaignRoutes: (app) => registerCampaignRoutes(app, campaigns),
  });
  const fleetMetrics = openFleetMetrics(config, shared);
  const http = await service.app.listen({
    host: config.FLOTILLA_OTA_HOST,
    port: config.FLOTILLA_OTA_PORT,
  });
  tls = await listenForDevices(config, service, logger);
  service.start();
  fleetMetrics.start();
  return {
    addresses: { http, ...(tls !== null && { devices: tls.url }) },
    async stop() {
      await tls?.close(DRAIN_MS);
      await fleetMetrics.stop();
      await service.stop();
      await warehouse.close();
      await eventLog.close();
      await database.destroy();
      lock?.release();
    },
  };
}

function plainSettings(config: OtaConfig) {
  return {
    maxArtifactBytes: config.FLOTILLA_MAX_ARTIFACT_BYTES,
    tufValidity: {
      snapshotMs: config.FLOTILLA_TUF_SNAPSHOT_VALIDITY_MS,
      timestampMs: config.FLOTILLA_TUF_TIMESTAMP_VALIDITY_MS,
    },
    devicePollMs: config.FLOTILLA_DEVICE_POLL_MS,
    consoleFolder: config.FLOTILLA_CONSOLE_DIR,
    version: packageJson.version,
    deltaJobsAtOnce: config.FLOTILLA_DELTA_JOBS ?? jobsAtOnce(availableParallelism(), memory()),
  };
}

/** Of the machine, or of the container if that has less. */
function memory(): number {
  const limit = process.constrainedMemory();
  return limit > 0 ? Math.min(limit, totalmem()) : totalmem();
}

function listenForDevices(
  config: OtaConfig,
  service: OtaService,
  logger: Logger,
): Promise<DeviceListener> | null {
  const { FLOTILLA_DEVICE_TLS_PORT: port, FLOTILLA_DEVICE_TLS_HOST: host } = config;
  if (port === undefined) return null;
  const names = config.FLOTILLA_DEVICE_TLS_NAMES;
  return openDeviceListener(service, { clock, logger }, names, { host, port });
}

function openWarehouse(url: string): ClickHouseClient {
  return createClient({
    url,
    request_timeout: WAREHOUSE_TIMEOUT_MS,
    // Whoever queries logs the failure, in our format.
    log: { level: ClickHouseLogLevel.OFF },
  });
}

function openFleetMetrics(
  config: OtaConfig,
  shared: Pick<OtaServiceDeps, 'database' | 'warehouse' | 'clock' | 'logger' | 'registry'>,
): FleetMetrics {
  const breachLimit = config.FLOTILLA_BREACH_SERIES_LIMIT;
  return new FleetMetrics({
    ...shared,
    registryFleet: new RegistryFleet(shared.database),
    warehouseFleet: new WarehouseFleet(shared.warehouse, breachLimit),
    breachLimit,
    intervalMs: config.FLOTILLA_FLEET_METRICS_INTERVAL_MS,
    silentAfterMs: SILENT_POLLS * config.FLOTILLA_DEVICE_POLL_MS,
  });
}
