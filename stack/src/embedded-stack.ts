import { fileURLToPath } from 'node:url';
import { join } from 'node:path';
import { ApiClient } from './client/api-client.ts';
import { readOperatorToken, type DataFolder } from './data-folder.ts';
import type { ProcessSpec } from './supervisor/managed-process.ts';
import type { Supervisor } from './supervisor/supervisor.ts';

export interface StackPorts {
  readonly ota: number;
  readonly collector: number;
  readonly collectorGrpc: number;
  readonly pipeline: number;
  readonly warehouse: number;
}

export interface StackTimings {
  readonly evaluationIntervalMs: number;
  readonly devicePollMs: number;
  readonly healthIntervalMs: number;
  readonly heartbeatIntervalMs: number;
}

export interface StackAddresses {
  readonly console: string;
  readonly collector: string;
  readonly collectorGrpc: string;
  readonly warehouse: string;
  /** Where the pipeline tells its own state. */
  readonly pipeline: string;
}

const entry = (service: string) =>
  fileURLToPath(new URL(`../../${service}/src/main.ts`, import.meta.url));

/** The three services of the embedded stack, as processes on one data folder; sinks first. */
export function stackSpecs(
  folder: DataFolder,
  ports: StackPorts,
  timings: StackTimings,
): ProcessSpec[] {
  const spec = (stage: number, name: string, environment: Record<string, string>): ProcessSpec => ({
    name,
    stage,
    entry: entry(name),
    environment: { FLOTILLA_EVENT_LOG: folder.eventLogUrl, ...environment },
    logFile: join(folder.logs, `${name}.log`),
  });
  return [
    spec(1, 'pipeline', {
      FLOTILLA_WAREHOUSE: folder.warehouseUrl,
      FLOTILLA_PIPELINE_PORT: String(ports.pipeline),
      FLOTILLA_WAREHOUSE_HTTP_PORT: String(ports.warehouse),
      FLOTILLA_HEALTH_INTERVAL_MS: String(timings.healthIntervalMs),
      FLOTILLA_HEARTBEAT_INTERVAL_MS: String(timings.heartbeatIntervalMs),
      // chDB runs every query on a libuv thread; the default of four starves file access.
      UV_THREADPOOL_SIZE: '12',
    }),
    spec(2, 'collector', {
      FLOTILLA_COLLECTOR_PORT: String(ports.collector),
      FLOTILLA_COLLECTOR_GRPC_PORT: String(ports.collectorGrpc),
      FLOTILLA_DEVICE_TOKEN_PUBLIC_KEY_FILE: folder.deviceTokenPublicKey,
    }),
    spec(3, 'ota-service', {
      FLOTILLA_OTA_PORT: String(ports.ota),
      FLOTILLA_DATABASE: folder.databaseUrl,
      FLOTILLA_ARTIFACTS_DIR: folder.artifacts,
      FLOTILLA_CLICKHOUSE_URL: `http://127.0.0.1:${ports.warehouse}`,
      FLOTILLA_TUF_ROOT_FILE: folder.tufRoot,
      FLOTILLA_TUF_KEY_DIR: folder.tufKeys,
      FLOTILLA_DEVICE_TOKEN_KEY_FILE: folder.deviceTokenPrivateKey,
      FLOTILLA_OPERATOR_TOKEN_FILE: folder.operatorToken,
      FLOTILLA_ALERT_WEBHOOK_TOKEN_FILE: folder.alertWebhookToken,
      FLOTILLA_EVALUATION_INTERVAL_MS: String(timings.evaluationIntervalMs),
      FLOTILLA_DEVICE_POLL_MS: String(timings.devicePollMs),
      FLOTILLA_FLEET_METRICS_INTERVAL_MS: String(timings.healthIntervalMs),
      FLOTILLA_CONSOLE_DIR: folder.console,
    }),
  ];
}

/** Starts the services in order; throws, with everything started so far still in `supervisor`. */
export async function startStack(
  supervisor: Supervisor,
  folder: DataFolder,
  ports: StackPorts,
  timings: StackTimings,
): Promise<{ api: ApiClient; addresses: StackAddresses }> {
  for (const spec of stackSpecs(folder, ports, timings)) await supervisor.start(spec);
  const addresses: StackAddresses = {
    console: `http://127.0.0.1:${ports.ota}`,
    collector: `http://127.0.0.1:${ports.collector}`,
    collectorGrpc: `127.0.0.1:${ports.collectorGrpc}`,
    warehouse: `http://127.0.0.1:${ports.warehouse}`,
    pipeline: `http://127.0.0.1:${ports.pipeline}`,
  };
  return { api: new ApiClient(addresses.console, readOperatorToken(folder)), addresses };
}
