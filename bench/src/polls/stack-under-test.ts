import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  openDataFolder,
  readOperatorToken,
  type DataFolder,
} from '@flotilla/stack/src/data-folder.ts';
import type { Shutdown } from '@flotilla/stack/src/shutdown.ts';
import { TestRepository } from '@flotilla/trust/testing';
import { startService, type ServiceProcess } from '../ingest/node-service.ts';
import { openWarehouseServer } from '../ingest/own-path.ts';
import { seedRegistry } from './fleet.ts';

export interface StackUnderTest {
  readonly folder: DataFolder;
  readonly ota: ServiceProcess;
  readonly otaUrl: string;
  readonly warehouse: ServiceProcess;
  readonly warehouseUrl: string;
  /** An operator's request; rejects unless the answer is 2xx. */
  operator(method: string, path: string, body?: unknown): Promise<unknown>;
}

export interface StackOptions {
  readonly root: string;
  readonly devices: number;
  readonly databaseUrl?: string | undefined;
  readonly profileFolder?: string | undefined;
  /** Built files of the console, to be served at `/`. */
  readonly consoleFolder?: string | undefined;
}

const EVALUATION_INTERVAL_MS = 1000;
/** An hour: the health computation is no part of the question. */
const HEALTH_INTERVAL_MS = '3600000';

/** ota-service over a registry that holds the fleet, a warehouse server, and the pipeline between. */
export async function openStack(
  options: StackOptions,
  shutdown: Shutdown,
): Promise<StackUnderTest> {
  const folder = openDataFolder(options.root);
  const trust = provisionTrust(options.root);
  await seedRegistry(folder.databaseUrl, options.devices);
  const { service: warehouse, url: warehouseUrl } = await openWarehouseServer(folder, shutdown);
  const start = async (name: string, environment: Record<string, string>) => {
    const service = await startService({
      name,
      main: `${name}/src/main.ts`,
      environment: { FLOTILLA_EVENT_LOG: folder.eventLogUrl, ...environment },
      folder: folder.logs,
      profileFolder: name === 'ota-service' ? options.profileFolder : undefined,
    });
    shutdown.add(() => service.stop());
    return service;
  };
  // It also creates the warehouse's tables, so it comes first.
  await start('pipeline', {
    FLOTILLA_WAREHOUSE: warehouseUrl,
    FLOTILLA_HEALTH_INTERVAL_MS: HEALTH_INTERVAL_MS,
    FLOTILLA_PIPELINE_PORT: '0',
  });
  const ota = await start('ota-service', {
    FLOTILLA_OTA_PORT: '0',
    FLOTILLA_DATABASE: folder.databaseUrl,
    FLOTILLA_ARTIFACTS_DIR: folder.artifacts,
    FLOTILLA_CLICKHOUSE_URL: warehouseUrl,
    FLOTILLA_TUF_ROOT_FILE: trust.rootFile,
    FLOTILLA_TUF_KEY_DIR: trust.keyFolder,
    FLOTILLA_DEVICE_TOKEN_KEY_FILE: folder.deviceTokenPrivateKey,
    FLOTILLA_OPERATOR_TOKEN_FILE: folder.operatorToken,
    FLOTILLA_EVALUATION_INTERVAL_MS: String(EVALUATION_INTERVAL_MS),
    ...(options.consoleFolder !== undefined && { FLOTILLA_CONSOLE_DIR: options.consoleFolder }),
  });
  const otaUrl = ota.addresses['http'] ?? '';
  const token = readOperatorToken(folder);
  return {
    ...{ folder, ota, otaUrl, warehouse, warehouseUrl },
    async operator(method, path, body) {
      const answer = await fetch(`${otaUrl}${path}`, {
        method,
        headers: {
          authorization: `Bearer ${token}`,
          ...(body !== undefined && { 'content-type': 'application/json' }),
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
      if (!answer.ok) throw new Error(`${method} ${path}: ${await answer.text()}`);
      return (await answer.json()) as unknown;
    },
  };
}

/** A root of trust and its online keys; the firmware of this bench is never installed. */
function provisionTrust(root: string): { rootFile: string; keyFolder: string } {
  const repository = new TestRepository();
  const rootFile = join(root, 'root.json');
  writeFileSync(rootFile, repository.pinnedRoot);
  const keyFolder = join(root, 'online-keys');
  mkdirSync(keyFolder, { mode: 0o700 });
  for (const role of ['snapshot', 'timestamp'] as const) {
    for (const [i, key] of repository.keys[role].entries()) {
      const pem = key.export({ type: 'pkcs8', format: 'pem' });
      writeFileSync(join(keyFolder, `${role}-${i}.pem`), pem, { mode: 0o600 });
    }
  }
  return { rootFile, keyFolder };
}
