import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ClickHouseClient } from '@clickhouse/client';
import type { Kysely } from 'kysely';
import { Registry } from 'prom-client';
import {
  TOPIC_LOGS,
  isFinal,
  type Labels,
  type LifecycleState,
  type UpdateReport,
} from '@flotilla/contracts';
import {
  openEventLog,
  type LogConsumer,
  type MeasuredEventLog,
  type StoredRecord,
} from '@flotilla/event-log';
import { createHttpServer, createLogger, ProblemError } from '@flotilla/service';
import { registerCampaignRoutes } from '../../src/campaigns/campaign-routes.ts';
import {
  createCampaignService,
  type CampaignService,
  type Offer,
} from '../../src/campaigns/campaign-service.ts';
import type { PollingDevice } from '../../src/campaigns/update-intake.ts';
import type { Database } from '../../src/db/database.ts';
import { openDatabase } from '../../src/db/open-database.ts';
import { LabelStore } from '../../src/devices/label-store.ts';
import type { Engine } from '../../src/testing/engines.ts';
import { forgetUpdateEvents, insertUpdateEvents } from './embedded-warehouse.ts';
import { readLogsRequest } from './otlp-log-reader.ts';
import { registryWarehouse } from './registry-warehouse.ts';

export const FIRMWARE_ID = 'fw_000000000001';

export interface Replica {
  readonly database: Kysely<Database>;
  readonly service: CampaignService;
  readonly registry: Registry;
}

/** The registry, the log and the warehouse, all real, with a clock that a test moves. */
export class CampaignWorld {
  nowMs = Date.UTC(2026, 0, 1);
  readonly folder: string;
  readonly databaseUrl: string;
  readonly eventLog: MeasuredEventLog;
  readonly warehouse: ClickHouseClient;
  readonly #consumer: LogConsumer;
  readonly #replicas: Replica[] = [];
  readonly #seen = new Set<string>();
  #offset = 0;
  #ids = 0;

  private constructor(
    folder: string,
    databaseUrl: string,
    eventLog: MeasuredEventLog,
    warehouse: ClickHouseClient,
    consumer: LogConsumer,
  ) {
    this.folder = folder;
    this.databaseUrl = databaseUrl;
    this.eventLog = eventLog;
    this.warehouse = warehouse;
    this.#consumer = consumer;
  }

  /** With the registry for a warehouse: it knows every report at once, and `pump` has nothing to do. */
  static async overRegistry(engine: Engine): Promise<{ world: CampaignWorld; replica: Replica }> {
    const url = await engine.newUrl();
    const database = await openDatabase(url);
    const warehouse = registryWarehouse(database);
    const sameUrl = { ...engine, newUrl: () => Promise.resolve(url) };
    const world = await CampaignWorld.open(warehouse, sameUrl);
    return { world, replica: await world.replica({ database }) };
  }

  static async open(warehouse: ClickHouseClient, engine?: Engine): Promise<CampaignWorld> {
    await forgetUpdateEvents(warehouse);
    const folder = await mkdtemp(join(tmpdir(), 'flotilla-campaigns-'));
    const eventLog = await openEventLog(`sqlite:${join(folder, 'log.db')}`);
    const consumer = await eventLog.consumer('test', [TOPIC_LOGS]);
    const databaseUrl = (await engine?.newUrl()) ?? `sqlite:${join(folder, 'registry.db')}`;
    return new CampaignWorld(folder, databaseUrl, eventLog, warehouse, consumer);
  }

  /** Another ota-service on the same registry. */
  async replica(
    over: {
      warehouse?: ClickHouseClient;
      evaluationIntervalMs?: number;
      database?: Kysely<Database>;
    } = {},
  ): Promise<Replica> {
    const database = over.database ?? (await openDatabase(this.databaseUrl));
    const registry = new Registry();
    const service = createCampaignService({
      database,
      eventLog: this.eventLog,
      warehouse: over.warehouse ?? this.warehouse,
      evaluationIntervalMs: over.evaluationIntervalMs ?? 20,
      clock: () => this.nowMs,
      newId: (prefix) => `${prefix}_${String((this.#ids += 1)).padStart(12, '0')}`,
      logger: createLogger('test', 'silent'),
      registry,
    });
    const replica = { database, service, registry };
    this.#replicas.push(replica);
    return replica;
  }

  static app(service: CampaignService) {
    const app = createHttpServer({ logger: createLogger('test', 'silent') });
    registerCampaignRoutes(app, service);
    return app;
  }

  async close(): Promise<void> {
    for (const { service } of this.#replicas) await service.stop();
    for (const database of new Set(this.#replicas.map((replica) => replica.database))) {
      await database.destroy();
    }
    await this.#consumer.close();
    await this.eventLog.close();
    await rm(this.folder, { recursive: true, force: true });
  }

  async addFirmware(
    database: Kysely<Database>,
    over: { id?: string; version?: string; state?: 'draft' | 'released' } = {},
  ): Promise<void> {
    await database
      .insertInto('firmware')
      .values({
        id: over.id ?? FIRMWARE_ID,
        model: 'sensor',
        version: over.version ?? '1.1.0',
        state: over.state ?? 'released',
        sha256: 'a'.repeat(64),
        size_bytes: 1,
        full_sha256: 'a'.repeat(64),
        full_size_bytes: 1,
        full_encoding: 'identity',
        created_at_ms: this.nowMs,
        released_at_ms: null,
      })
      .execute();
  }

  async addDevices(
    database: Kysely<Database>,
    ids: readonly string[],
    over: {
      group?: string;
      lifecycle?: LifecycleState;
      version?: string | null;
      labels?: Labels;
    } = {},
  ): Promise<void> {
    await database
      .insertInto('devices')
      .values(
        ids.map((id) => ({
          id,
          model: 'sensor',
          group_name: over.group ?? 'default',
          lifecycle: over.lifecycle ?? ('active' as const),
          firmware_version: over.version === undefined ? '1.0.0' : over.version,
          firmware_sha256: null,
          created_at_ms: this.nowMs,
          last_seen_at_ms: null,
        })),
      )
      .execute();
    const labels = new LabelStore(database);
    if (over.labels !== undefined) for (const id of ids) await labels.put(id, over.labels);
  }

  /** What the device is offered, without its being noted. */
  async offerTo(replica: Replica, device: PollingDevice): Promise<Offer | null> {
    const decision = await replica.service.answerTo(device, this.nowMs);
    return decision.kind === 'offer' ? decision.offer : null;
  }

  /** Polls for every device, as agents do; answers who was offered something. */
  async pollAll(replica: Replica): Promise<Map<string, UpdateReport>> {
    const devices = await replica.database
      .selectFrom('devices')
      .selectAll()
      .orderBy('id')
      .execute();
    const reports = new Map<string, UpdateReport>();
    for (const row of devices) {
      const { id, model, lifecycle, group_name: group, firmware_version: firmwareVersion } = row;
      const device = { id, model, lifecycle, group, firmwareVersion };
      const offer = await this.offerTo(replica, device);
      if (offer === null) continue;
      try {
        await replica.service.markOffered(id, offer, this.nowMs);
      } catch (error) {
        if (error instanceof ProblemError && error.code === 'conflict') continue;
        throw error;
      }
      const { campaignId, phase, round } = offer;
      reports.set(id, this.report({ campaignId, phase, round }));
    }
    return reports;
  }

  report(over: Partial<UpdateReport>): UpdateReport {
    return {
      reportId: crypto.randomUUID(),
      campaignId: 'cmp_000000000001',
      phase: 1,
      round: 1,
      state: 'downloading',
      fromVersion: '1.0.0',
      toVersion: '1.1.0',
      transferBytes: 0,
      usedDelta: false,
      occurredAt: new Date(this.nowMs).toISOString(),
      ...over,
    };
  }

  async newRecords(): Promise<StoredRecord[]> {
    const [partition] = await this.#consumer.assignment();
    if (partition === undefined) return [];
    const limits = { maxRecords: 10_000, maxBytes: 16_000_000 };
    const records = await this.#consumer.read(partition, this.#offset, limits);
    this.#offset = (records.at(-1)?.offset ?? this.#offset - 1) + 1;
    return records;
  }

  /** What the pipeline does: from the log into the warehouse, each report once. */
  async pump(): Promise<void> {
    const events = (await this.newRecords())
      .flatMap(({ value }) => readLogsRequest(value))
      .map(({ resource, attributes, timeMs }) => ({
        ReportId: String(attributes['flotilla.report.id']),
        CampaignId: String(attributes['flotilla.campaign.id']),
        DeviceId: String(resource['device.id']),
        Phase: Number(attributes['flotilla.campaign.phase']),
        Round: Number(attributes['flotilla.campaign.round']),
        State: String(attributes['flotilla.update.state']),
        Outcome: isFinal(attributes['flotilla.update.state'] as UpdateReport['state'])
          ? String(attributes['flotilla.update.outcome'])
          : '',
        occurredAtMs: timeMs,
      }))
      .filter(({ ReportId }) => !this.#seen.has(ReportId) && this.#seen.add(ReportId));
    await insertUpdateEvents(this.warehouse, events);
  }
}
