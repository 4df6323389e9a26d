import { randomUUID } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ClickHouseLogLevel, createClient, type ClickHouseClient } from '@clickhouse/client';
import type { FirmwareView, PollRequest, PollResponse, TrustView } from '@flotilla/contracts';
import { openEventLog } from '@flotilla/event-log';
import { createLogger } from '@flotilla/service';
import { generateEd25519, readPrivateKey } from '@flotilla/signing';
import {
  draftTargets,
  fromDocument,
  toDocument,
  withRelease,
  type MetadataOf,
} from '@flotilla/trust';
import { signedByAll, TestRepository } from '@flotilla/trust/testing';
import { Registry } from 'prom-client';
import { z } from 'zod';
import { isSharedDatabase } from '../db/database-url.ts';
import { openDatabase } from '../db/open-database.ts';
import { artifactSharing } from '../firmware/artifact-sharing.ts';
import { FolderArtifactStore } from '../firmware/folder-artifact-store.ts';
import { DEFAULT_LIFETIMES, type CaLifetimes } from '../ca/certificate-authority.ts';
import { KeyVault } from '../ca/key-vault.ts';
import { openDeviceListener } from '../open-device-listener.ts';
import { createOtaService, type OtaServiceDeps } from '../ota-service.ts';
import { newRandomId } from '../random-id.ts';
import type { DeviceListener } from '../http/device-listener.ts';
import { FixedCampaigns } from './fixed-campaigns.ts';

const DAY_MS = 86_400_000;
export const OPERATOR_TOKEN = 'operator-token-of-the-tests';
export const INTERNAL_TOKEN = 'internal-token-of-the-tests';
export const ALERT_WEBHOOK_TOKEN = 'alert-webhook-token-of-the-tests';

export interface HarnessOptions {
  /** Instead of a new one; `close` removes it all the same. */
  readonly folder?: string;
  /** Instead of a SQLite file in the folder. */
  readonly databaseUrl?: string;
  readonly maxArtifactBytes?: number;
  readonly consoleFolder?: string;
  readonly warehouseUrl?: string;
  readonly clock?: () => number;
  readonly computeDelta?: OtaServiceDeps['computeDelta'];
  readonly caLifetimes?: Partial<CaLifetimes>;
  /** Told to devices that claim. */
  readonly collectorUrl?: () => string;
  readonly registerCampaignRoutes?: OtaServiceDeps['registerCampaignRoutes'];
}

export type OtaHarness = Awaited<ReturnType<typeof startHarness>>;

/** The service on a free port with a real registry and folders; campaigns are FixedCampaigns. */
export async function startHarness(options: HarnessOptions = {}) {
  const folder = options.folder ?? (await mkdtemp(join(tmpdir(), 'flotilla-ota-')));
  const artifactsFolder = join(folder, 'artifacts');
  const databaseUrl = options.databaseUrl ?? `sqlite:${join(folder, 'registry.db')}`;
  const database = await openDatabase(databaseUrl);
  const eventLog = await openEventLog(`sqlite:${join(folder, 'log.db')}`);
  // Nothing listens on port 9 (discard), so by default the warehouse does not answer.
  const warehouse: ClickHouseClient = createClient({
    url: options.warehouseUrl ?? 'http://127.0.0.1:9',
    log: { level: ClickHouseLogLevel.OFF },
  });
  /** Its keys are the publisher's and the service's; what it publishes itself is not used. */
  const offline = new TestRepository({ now: options.clock ?? Date.now });
  const deviceKeys = generateEd25519();
  const campaigns = new FixedCampaigns();
  const artifacts = await FolderArtifactStore.open(
    artifactsFolder,
    isSharedDatabase(databaseUrl) ? artifactSharing(database) : null,
  );
  const deps: OtaServiceDeps = {
    database,
    artifacts,
    partials: await artifacts.partials(),
    eventLog,
    warehouse,
    ...(await serviceTrust(folder, offline)),
    tufValidity: { snapshotMs: 7 * DAY_MS, timestampMs: DAY_MS },
    deviceTokenKey: readPrivateKey(deviceKeys.privateKeyPem),
    operatorToken: OPERATOR_TOKEN,
    alertWebhookToken: ALERT_WEBHOOK_TOKEN,
    internalToken: INTERNAL_TOKEN,
    ca: {
      // Cheap: what it costs to guess a passphrase is no matter of these tests.
      vault: new KeyVault('passphrase of the tests', { N: 2 ** 10, r: 8, p: 1 }),
      lifetimes: { ...DEFAULT_LIFETIMES, ...options.caLifetimes },
      otaUrl: () => tls?.url ?? 'https://localhost',
      collectorUrl: options.collectorUrl ?? (() => 'https://localhost'),
    },
    campaigns,
    registerCampaignRoutes: options.registerCampaignRoutes ?? (() => undefined),
    maxArtifactBytes: options.maxArtifactBytes ?? 64 * 1024 * 1024,
    devicePollMs: 30_000,
    consoleFolder: options.consoleFolder,
    version: '0.0.0-test',
    clock: options.clock ?? (() => Date.now()),
    newId: newRandomId,
    logger: createLogger('test', 'silent'),
    registry: new Registry(),
    ...(options.computeDelta !== undefined && { computeDelta: options.computeDelta }),
  };
  let tls: DeviceListener | null = null;
  const service = await createOtaService(deps);
  let stopped: Promise<void> | undefined;
  const stopService = (): Promise<void> =>
    (stopped ??= Promise.all([tls?.close(0), service.stop()]).then(() => undefined));
  const url = await service.app.listen({ host: '127.0.0.1', port: 0 });
  service.start();
  /** Opens the listener that devices with certificates use. */
  const listenTls = async (): Promise<DeviceListener> => {
    const at = { host: '127.0.0.1', port: 0 };
    return (tls ??= await openDeviceListener(service, deps, ['localhost', '127.0.0.1'], at));
  };

  const call = (method: string, path: string, token: string | null, body?: unknown) =>
    fetch(`${url}${path}`, {
      method,
      headers: {
        ...(token !== null && { authorization: `Bearer ${token}` }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
  const operator = (method: string, path: string, body?: unknown) =>
    call(method, path, OPERATOR_TOKEN, body);
  const upload = (query: Record<string, string>, body: Uint8Array | ReadableStream) =>
    fetch(`${url}/api/v1/firmware?${new URLSearchParams(query)}`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${OPERATOR_TOKEN}`,
        'content-type': 'application/octet-stream',
      },
      body: body as BodyInit,
      duplex: 'half',
    } as RequestInit);

  const nextTargets = async (): Promise<MetadataOf['targets']> => {
    const view = (await (await operator('GET', '/api/v1/tuf')).json()) as TrustView;
    const current = view.targets === null ? null : fromDocument('targets', view.targets);
    return draftTargets(current, offline.now() + 90 * DAY_MS);
  };
  /** Signs and publishes the next targets, changed in some way. */
  const publishTargets = async (
    change: (targets: MetadataOf['targets']) => MetadataOf['targets'],
    keys = offline.keys.targets,
  ) => {
    const signed = signedByAll(change(await nextTargets()), keys);
    return operator('PUT', '/api/v1/tuf/targets', toDocument(signed));
  };

  return {
    url,
    folder,
    artifactsFolder,
    database,
    campaigns,
    deps,
    trust: service.trust,
    identity: service.identity,
    listenTls,
    offline,
    nextTargets,
    publishTargets,
    deviceKeys,
    /** Stops the service and leaves its engines open. */
    stopService,
    call,
    operator,
    upload,
    /** Files below the artifacts folder, except the lock's. */
    async storedFiles(): Promise<string[]> {
      const all = await readdir(artifactsFolder, { recursive: true, withFileTypes: true });
      return all.filter((entry) => entry.isFile()).map((entry) => entry.name);
    },
    async publish(
      model: string,
      version: string,
      artifact: Uint8Array,
      options: Record<string, string> = {},
    ): Promise<FirmwareView> {
      const uploaded = await upload({ model, version, ...options }, artifact);
      const draft = (await uploaded.json()) as FirmwareView;
      const answer = await publishTargets((targets) => withRelease(targets, draft.target));
      if (answer.status !== 200) throw new Error(await answer.text());
      return (await (await operator('GET', `/api/v1/firmware/${draft.id}`)).json()) as FirmwareView;
    },
    async newDevice(model: string): Promise<{ id: string; token: string }> {
      const id = `dev-${randomUUID()}`;
      const answer = await operator('POST', '/api/v1/devices', { id, model });
      if (answer.status !== 201) throw new Error(await answer.text());
      return { id, token: ((await answer.json()) as { token: string }).token };
    },
    async poll(token: string, request: PollRequest): Promise<PollResponse> {
      const answer = await call('POST', '/device/v1/poll', token, request);
      if (answer.status !== 200) throw new Error(await answer.text());
      return (await answer.json()) as PollResponse;
    },
    async close(): Promise<void> {
      await stopService();
      await warehouse.close();
      await eventLog.close();
      await database.destroy();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

const trustSchema = z.object({ tufRoot: z.string(), onlineKeys: z.array(z.string()) });

/** What the service is given: of the folder, when an earlier start left it there. */
async function serviceTrust(folder: string, offline: TestRepository) {
  const file = join(folder, 'service-trust.json');
  const online = [...offline.keys.snapshot, ...offline.keys.timestamp];
  const own = {
    tufRoot: offline.pinnedRoot,
    onlineKeys: online.map((key) => key.export({ type: 'pkcs8', format: 'pem' }).toString()),
  };
  await writeFile(file, JSON.stringify(own), { flag: 'wx' }).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  });
  const { tufRoot, onlineKeys } = trustSchema.parse(JSON.parse(await readFile(file, 'utf8')));
  return { tufRoot, onlineKeys: onlineKeys.map(readPrivateKey) };
}
