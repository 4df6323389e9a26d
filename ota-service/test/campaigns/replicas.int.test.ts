import { setTimeout as delay } from 'node:timers/promises';
import { sql, type Kysely } from 'kysely';
import { Registry } from 'prom-client';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { campaignCreateSchema, type CampaignView } from '@flotilla/contracts';
import { ProblemError } from '@flotilla/service';
import { registerCampaignRoutes } from '../../src/campaigns/campaign-routes.ts';
import { createCampaignService } from '../../src/campaigns/campaign-service.ts';
import type { Database } from '../../src/db/database.ts';
import { openDatabase } from '../../src/db/open-database.ts';
import { createOtaService } from '../../src/ota-service.ts';
import { describePostgres } from '../../src/testing/engines.ts';
import { OPERATOR_TOKEN, startHarness, type OtaHarness } from '../../src/testing/ota-harness.ts';
import { tarBundle } from '../../src/testing/tar-bundle.ts';
import { expectConsistent } from './campaign-invariants.ts';
import { CampaignWorld, FIRMWARE_ID, type Replica } from './campaign-world.ts';
import { registryWarehouse } from './registry-warehouse.ts';
import { deviceNames } from './sample-campaign.ts';

const BY = { actor: 'operator', reason: 'a race' };
const DEVICES = deviceNames(12);

/** Refused because somebody else was faster; anything else is a fault. */
async function unlessLost<T>(work: Promise<T>): Promise<T | null> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof ProblemError && error.code === 'conflict') return null;
    throw error;
  }
}

describePostgres('two replicas', (server) => {
  let world: CampaignWorld;
  let database: Kysely<Database>;
  let replicas: [Replica, Replica];

  beforeEach(async () => {
    const url = await server().newDatabase();
    database = await openDatabase(url);
    const warehouse = registryWarehouse(database);
    world = await CampaignWorld.open(warehouse, {
      name: 'postgres',
      newUrl: () => Promise.resolve(url),
    });
    replicas = [
      await world.replica({ evaluationIntervalMs: 50 }),
      await world.replica({ evaluationIntervalMs: 50 }),
    ];
    await world.addFirmware(database);
    await world.addDevices(database, DEVICES);
  });
  afterEach(async () => {
    await world.close();
    await database.destroy();
  });

  const either = () => replicas[Math.random() < 0.5 ? 0 : 1].service;
  const create = (over: { errorThreshold?: number; minSample?: number } = {}) =>
    either().create(
      campaignCreateSchema.parse({ name: 'roll', firmwareId: FIRMWARE_ID, ...over }),
      'operator',
    );
  const attempts = async () =>
    (await database.selectFrom('update_attempts').select('device_id').execute()).length;

  const knows = (service: Replica['service'], round: number) =>
    vi.waitFor(async () => {
      const device = {
        id: DEVICES[0]!,
        model: 'sensor',
        group: 'default',
        firmwareVersion: '1.0.0',
      };
      const decision = await service.answerTo(device, world.nowMs);
      expect(decision).toMatchObject({ kind: 'offer', offer: { round } });
    }, 10_000);

  /** As a device does it: false when it was offered nothing. */
  async function poll(id: string, end?: 'confirmed' | 'rolled_back'): Promise<boolean> {
    const device = { id, model: 'sensor', group: 'default', firmwareVersion: '1.0.0' };
    const decision = await either().answerTo(device, world.nowMs);
    if (decision.kind !== 'offer') return false;
    const { offer } = decision;
    const noted = await unlessLost(
      either()
        .markOffered(id, offer, world.nowMs)
        .then(() => true),
    );
    if (noted === null) return false;
    if (end !== undefined) {
      const { campaignId, phase, round } = offer;
      const report = world.report({ campaignId, phase, round, state: end });
      await either().recordReport(id, report, world.nowMs);
    }
    return true;
  }

  it('take each step once, whatever happens at the same time', { timeout: 240_000 }, async () => {
    /** Chance decides which steps a run takes; it goes on until each was there. */
    const hasSeenAll = async () => {
      const rows = await database
        .selectFrom('campaign_events')
        .select('event')
        .distinct()
        .execute();
      const events: ReadonlySet<string> = new Set(rows.map(({ event }) => event));
      return ['advanced', 'paused', 'resumed', 'auto_paused', 'completed'].every((event) =>
        events.has(event),
      );
    };
    // Judged from the first outcome on, so that the gate pauses often enough to be in every run.
    const rules = { minSample: 1 };
    let campaign = await create(rules);
    for (let round = 0; round < 200 || !(await hasSeenAll()); round += 1) {
      const acts = DEVICES.filter(() => Math.random() < 0.3).map((id) =>
        poll(id, Math.random() < 0.9 ? 'confirmed' : 'rolled_back'),
      );
      const evaluations = replicas.map(({ service }) => service.evaluateAll());
      const pick = Math.random();
      const action = pick < 0.25 ? 'pause' : pick < 0.9 ? 'resume' : pick < 0.92 ? 'abort' : null;
      const operators =
        action === null
          ? []
          : replicas.map(({ service }) => unlessLost(service.act(campaign.id, action, BY)));
      await Promise.all([...acts, ...evaluations, ...operators]);
      const views = await Promise.all(replicas.map(({ service }) => service.get(campaign.id)));
      expect(views[0]).toEqual(views[1]);
      const { status } = views[0] ?? campaign;
      if (round % 10 === 0 || status === 'completed' || status === 'aborted') {
        await expectConsistent(database, campaign.id);
      }
      if (status === 'completed' || status === 'aborted') {
        campaign = await create(rules);
      }
    }
  });

  it('offer nobody anything once a pause has answered', { timeout: 240_000 }, async () => {
    const campaign = await create();
    await database
      .updateTable('campaigns')
      .set({ current_phase: 3 })
      .where('id', '=', campaign.id)
      .execute();
    let offers = 0;
    for (let round = 1; round <= 60; round += 1) {
      // What a replica has in memory may be 200 ms old: the race begins when both know the round.
      await Promise.all(replicas.map(({ service }) => knows(service, round)));
      const polls = DEVICES.map(async (id) => {
        await delay(Math.random() * 4);
        return poll(id);
      });
      await delay(Math.random() * 4);
      await either().act(campaign.id, 'pause', BY);
      const atPause = await attempts();
      const offered = (await Promise.all(polls)).filter(Boolean).length;
      expect(await attempts()).toBe(atPause);
      offers += offered;
      // A device has only so many tries, and each round is a race of its own.
      await database.deleteFrom('update_attempts').execute();
      await either().act(campaign.id, 'resume', BY);
    }
    // Some came before the pause and some after, or the race was none.
    expect(offers).toBeGreaterThan(0);
    expect(offers).toBeLessThan(60 * DEVICES.length);
  });

  it('let a pause through an endless stream of offers', async () => {
    const campaign = await create();
    const many = Array.from({ length: 3000 }, (_, index) => `dev-${index}`);
    await world.addDevices(database, many);
    await database.updateTable('campaigns').set({ current_phase: 3 }).execute();
    const queue = [...many];
    const stream = Array.from({ length: 8 }, async () => {
      for (let id = queue.pop(); id !== undefined; id = queue.pop()) {
        if (!(await poll(id))) return;
      }
    });
    await vi.waitFor(() => expect(queue.length).toBeLessThan(2900), 30_000);
    await either().act(campaign.id, 'pause', BY);
    await Promise.all(stream);
    // The offers under way are the only ones that a pause waits for.
    expect(queue.length).toBeGreaterThan(1000);
  });

  it('never start two campaigns for the same firmware and devices', async () => {
    for (let round = 0; round < 30; round += 1) {
      const created = await Promise.all([1, 2, 3, 4].map(() => unlessLost(create())));
      const [winner, ...others] = created.filter((view) => view !== null);
      expect(others).toEqual([]);
      await either().act(winner!.id, 'abort', BY);
    }
  });

  it('leave nothing half done when one dies while it advances', async () => {
    const campaign = await create();
    for (const id of DEVICES) await poll(id, 'confirmed');
    // The session dies after campaign and event were written, before the commit.
    await sql`create function die() returns trigger language plpgsql as
      'begin perform pg_terminate_backend(pg_backend_pid()); return new; end'`.execute(database);
    await sql`create trigger die before update of started_at_ms on campaign_phases
      for each row execute function die()`.execute(database);
    await replicas[0].service.evaluateAll();
    expect((await replicas[1].service.get(campaign.id)).currentPhase).toBe(1);
    await expectConsistent(database, campaign.id);
    await sql`drop trigger die on campaign_phases`.execute(database);
    await replicas[1].service.evaluateAll();
    expect((await replicas[0].service.get(campaign.id)).currentPhase).toBe(2);
    await expectConsistent(database, campaign.id);
  });

  it('ask the warehouse one at a time, and the other takes over', async () => {
    const queries = replicas.map(() => 0);
    const counting = replicas.map((_, index) => {
      const warehouse = registryWarehouse(database);
      const query = warehouse.query.bind(warehouse);
      warehouse.query = (options: Parameters<typeof query>[0]) => {
        queries[index] = (queries[index] ?? 0) + 1;
        return query(options);
      };
      return world.replica({ warehouse, evaluationIntervalMs: 20 });
    });
    const [first, second] = (await Promise.all(counting)) as [Replica, Replica];
    await create();
    await database
      .insertInto('leases')
      .values({ name: 'evaluation', holder: 'dead', until_ms: Date.now() + 1000 })
      .execute();
    first.service.start();
    await vi.waitFor(() => expect(queries[0]).toBeGreaterThan(3), 20_000);
    second.service.start();
    const atStart = queries[0] ?? 0;
    await vi.waitFor(() => expect(queries[0]).toBeGreaterThan(atStart + 10), 20_000);
    expect(queries[1]).toBe(0);
    await first.service.stop();
    await vi.waitFor(() => expect(queries[1]).toBeGreaterThan(0), 20_000);
  });
});

describePostgres('two services on one registry', (server) => {
  let ota: OtaHarness;
  const closing: (() => Promise<void>)[] = [];
  let urls: string[];

  beforeEach(async () => {
    const databaseUrl = await server().newDatabase();
    ota = await startHarness({ databaseUrl });
    urls = [];
    while (urls.length < 2) {
      const database = await openDatabase(databaseUrl);
      const warehouse = registryWarehouse(database);
      const engines = { ...ota.deps, database, warehouse, registry: new Registry() };
      const campaigns = createCampaignService({ ...engines, evaluationIntervalMs: 50 });
      const service = await createOtaService({
        ...engines,
        campaigns,
        registerCampaignRoutes: (app) => registerCampaignRoutes(app, campaigns),
      });
      urls.push(await service.app.listen({ host: '127.0.0.1', port: 0 }));
      service.start();
      closing.push(async () => {
        await service.stop();
        await database.destroy();
      });
    }
  });
  afterEach(async () => {
    await Promise.all(closing.splice(0).map((close) => close()));
    await ota.close();
  });

  async function call(at: number, token: string, path: string, body?: unknown) {
    const answer = await fetch(`${urls[at]}${path}`, {
      method: body === undefined ? 'GET' : 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    if (!answer.ok) throw new Error(await answer.text());
    return (answer.status === 204 ? null : await answer.json()) as Record<string, unknown>;
  }

  it('carry one campaign to its end, and both pause it', { timeout: 240_000 }, async () => {
    const firmware = await ota.publish('cam', '1.1.0', tarBundle('1.1.0', Buffer.alloc(500)));
    const devices = await Promise.all(DEVICES.map(() => ota.newDevice('cam')));
    const body = { name: 'roll', firmwareId: firmware.id, soakMs: 0 };
    const { id } = await call(0, OPERATOR_TOKEN, '/api/v1/campaigns', body);
    const campaignPath = `/api/v1/campaigns/${String(id)}`;
    const view = async (at: number) =>
      (await call(at, OPERATOR_TOKEN, campaignPath)) as unknown as CampaignView;
    const poll = (at: number, token: string) =>
      call(at, token, '/device/v1/poll', { runningVersion: '1.0.0', runningSha256: null });
    const waiting = new Map(devices.map(({ id: deviceId, token }) => [deviceId, token]));
    let pauses = 0;
    for (let turn = 0; (await view(turn % 2)).status !== 'completed'; turn += 1) {
      const at = turn % 2;
      if (pauses < 2 && (await view(at)).status === 'running') {
        await call(at, OPERATOR_TOKEN, `${campaignPath}/pause`, { reason: 'a look' });
        pauses += 1;
        // At once on the other, and for everybody.
        expect((await view(1 - at)).status).toBe('paused');
        for (const token of waiting.values()) {
          expect((await poll(1 - at, token))['deployment']).toBeNull();
        }
        await call(1 - at, OPERATOR_TOKEN, `${campaignPath}/resume`, { reason: 'go on' });
      }
      for (const [deviceId, token] of waiting) {
        const { deployment } = (await poll(at, token)) as {
          deployment: Record<string, unknown> | null;
        };
        if (deployment === null) continue;
        const { campaignId, phase, round } = deployment;
        await call(1 - at, token, '/device/v1/reports', {
          reportId: crypto.randomUUID(),
          ...{ campaignId, phase, round, state: 'confirmed' },
          ...{ fromVersion: '1.0.0', toVersion: '1.1.0', transferBytes: 1, usedDelta: false },
          occurredAt: new Date().toISOString(),
        });
        waiting.delete(deviceId);
      }
      await delay(10);
    }
    expect(pauses).toBe(2);
    expect(waiting.size).toBe(0);
    expect(await view(0)).toEqual(await view(1));
    await expectConsistent(ota.database, String(id));
    const { items } = (await call(0, OPERATOR_TOKEN, `${campaignPath}/events`)) as {
      items: { event: string; actor: string }[];
    };
    const steps = items.filter(({ actor }) => actor === 'gate').map(({ event }) => event);
    expect(steps).toEqual(['advanced', 'advanced', 'completed']);
  });
});
