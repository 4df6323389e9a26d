import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Kysely } from 'kysely';
import { Registry } from 'prom-client';
import { campaignCreateSchema, webhookAlertSchema, type CampaignView } from '@flotilla/contracts';
import { createLogger } from '@flotilla/service';
import { AlertIntake } from '../../../src/alerts-webhook/alert-webhook.ts';
import {
  createCampaignService,
  type CampaignService,
} from '../../../src/campaigns/campaign-service.ts';
import type { Database } from '../../../src/db/database.ts';
import { NodeSqliteDialect } from '../../../src/db/node-sqlite-dialect.ts';
import { openDatabase } from '../../../src/db/open-database.ts';
import type { Sequence } from './campaign-sequence.ts';
import { LogWarehouse } from './log-warehouse.ts';

export const GROUP = 'ours';
export const OTHER_GROUP = 'theirs';
export const OLD_VERSION = '1.0.0';
export const NEW_VERSION = '1.1.0';
export const DEADLINE_MS = 30_000;
const MODEL = 'sensor';
const FIRMWARE_ID = 'fw_000000000001';
const logger = createLogger('test', 'silent');

/** Registries on a file system in memory, where there is one: nothing here must outlive the power. */
export class Registries {
  readonly #folder: string;
  #files = 0;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  static async open(): Promise<Registries> {
    const inMemory = '/dev/shm';
    const base = existsSync(inMemory) ? inMemory : tmpdir();
    const registries = new Registries(await mkdtemp(join(base, 'flotilla-model-')));
    const database = await openDatabase(`sqlite:${registries.#template}`);
    await addFirmware(database);
    await database.destroy();
    return registries;
  }

  get #template(): string {
    return join(this.#folder, 'template.db');
  }

  /** The file of a registry with a released firmware and nothing else. */
  async next(): Promise<string> {
    const file = join(this.#folder, `registry-${(this.#files += 1)}.db`);
    await copyFile(this.#template, file);
    return file;
  }

  async drop(file: string): Promise<void> {
    for (const end of ['', '-wal', '-shm']) await rm(`${file}${end}`, { force: true });
  }

  async close(): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** One ota-service over a registry that outlives it, a log and a warehouse, and the clock of all. */
export class Fleet {
  nowMs = Date.UTC(2026, 0, 1);
  readonly logs = new LogWarehouse();
  readonly ids: string[] = [];
  readonly #file: string;
  #running: { database: Kysely<Database>; service: CampaignService; alerts: AlertIntake };
  #newIds = 0;
  #alerts = 0;

  constructor(file: string) {
    this.#file = file;
    this.#running = this.#start();
  }

  get service(): CampaignService {
    return this.#running.service;
  }

  get database(): Kysely<Database> {
    return this.#running.database;
  }

  /** As after a kill: nothing but the registry and the log is left. */
  async restart(): Promise<void> {
    await this.close();
    this.#running = this.#start();
  }

  async close(): Promise<void> {
    await this.#running.service.stop();
    await this.#running.database.destroy();
  }

  async join(group: string): Promise<void> {
    const id = `device-${this.ids.length + 1}`;
    this.ids.push(id);
    await this.database
      .insertInto('devices')
      .values({
        id,
        model: MODEL,
        group_name: group,
        lifecycle: 'active',
        firmware_version: OLD_VERSION,
        firmware_sha256: null,
        created_at_ms: this.nowMs,
        last_seen_at_ms: null,
      })
      .execute();
  }

  create(rules: Sequence['rules']): Promise<CampaignView> {
    const request = campaignCreateSchema.parse({
      name: 'model',
      firmwareId: FIRMWARE_ID,
      groups: [GROUP],
      deadlineMs: DEADLINE_MS,
      ...rules,
    });
    return this.service.create(request, 'ada');
  }

  /** A new alert about the campaign, as Alertmanager would send it. */
  async alert(campaignId: string): Promise<void> {
    const alert = webhookAlertSchema.parse({
      status: 'firing',
      labels: { alertname: 'Model', flotilla_campaign_id: campaignId },
      startsAt: new Date(this.nowMs).toISOString(),
      fingerprint: (this.#alerts += 1).toString(16),
    });
    await this.#running.alerts.take({ version: '4', alerts: [alert] });
  }

  deviceOf(id: string) {
    return this.database
      .selectFrom('devices')
      .selectAll()
      .where('id', '=', id)
      .executeTakeFirstOrThrow();
  }

  async setDevice(
    id: string,
    set: {
      readonly lifecycle?: 'active' | 'maintenance' | 'retired';
      readonly firmware_version?: string;
    },
  ): Promise<void> {
    await this.database.updateTable('devices').set(set).where('id', '=', id).execute();
  }

  #start() {
    const database = new Kysely<Database>({ dialect: new NodeSqliteDialect(this.#file) });
    const registry = new Registry();
    const shared = { database, clock: () => this.nowMs, registry };
    const service = createCampaignService({
      ...shared,
      eventLog: this.logs.eventLog,
      warehouse: this.logs.client,
      evaluationIntervalMs: 1000,
      newId: (prefix) => `${prefix}_${String((this.#newIds += 1)).padStart(12, '0')}`,
      logger,
    });
    const alerts = new AlertIntake({ ...shared, campaigns: service });
    return { database, service, alerts };
  }
}

async function addFirmware(database: Kysely<Database>): Promise<void> {
  await database
    .insertInto('firmware')
    .values({
      id: FIRMWARE_ID,
      model: MODEL,
      version: NEW_VERSION,
      state: 'released',
      sha256: 'a'.repeat(64),
      size_bytes: 1,
      full_sha256: 'a'.repeat(64),
      full_size_bytes: 1,
      full_encoding: 'identity',
      created_at_ms: 0,
      released_at_ms: null,
    })
    .execute();
}
