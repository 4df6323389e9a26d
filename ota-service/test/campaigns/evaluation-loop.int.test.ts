import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ClickHouseLogLevel, createClient, type ClickHouseClient } from '@clickhouse/client';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  campaignCreateSchema,
  type CampaignCreateInput,
  type UpdateReport,
} from '@flotilla/contracts';
import type { CampaignService } from '../../src/campaigns/campaign-service.ts';
import { describeEngines } from '../../src/testing/engines.ts';
import { CampaignWorld, FIRMWARE_ID, type Replica } from './campaign-world.ts';
import { deviceNames } from './sample-campaign.ts';
import { openEmbeddedWarehouse } from './embedded-warehouse.ts';

let warehouse: ClickHouseClient;
let world: CampaignWorld;
let first: Replica;

beforeAll(async () => {
  warehouse = await openEmbeddedWarehouse();
});
afterAll(() => warehouse.close());
describeEngines('the evaluation loop', (engine) => {
  beforeEach(async () => {
    world = await CampaignWorld.open(warehouse, engine);
    first = await world.replica();
    await world.addFirmware(first.database);
    await world.addDevices(first.database, deviceNames(10));
  });
  afterEach(() => world.close());

  const create = (over: Partial<CampaignCreateInput> = {}) =>
    first.service.create(
      campaignCreateSchema.parse({ name: 'roll', firmwareId: FIRMWARE_ID, ...over }),
      'operator',
    );

  async function finish(state: 'confirmed' | 'rolled_back'): Promise<void> {
    for (const [deviceId, report] of await world.pollAll(first)) {
      await first.service.recordReport(deviceId, { ...report, state }, world.nowMs);
    }
    await world.pump();
  }

  /** A warehouse over HTTP, whose client keeps quiet about failures that a test provokes. */
  const httpWarehouse = (port: number) =>
    createClient({ url: `http://127.0.0.1:${port}`, log: { level: ClickHouseLogLevel.OFF } });

  const eventsOf = async (service: CampaignService, id: string) =>
    (await service.events(id)).map(({ event }) => event);

  describe('two replicas on one registry', () => {
    it('take each step once', async () => {
      const others = [
        await world.replica({ database: first.database }),
        await world.replica({ database: first.database }),
      ];
      const { id } = await create();
      for (let phase = 1; phase <= 3; phase += 1) {
        await finish('confirmed');
        await Promise.all([first, ...others].map(({ service }) => service.evaluateAll()));
        const { currentPhase, status } = await first.service.get(id);
        expect([currentPhase, status]).toEqual(
          phase < 3 ? [phase + 1, 'running'] : [3, 'completed'],
        );
      }
      const steps = ['created', 'advanced', 'advanced', 'completed'];
      expect(await eventsOf(first.service, id)).toEqual(steps);
      // The losers saw that they lost; none of them ran into the audit log's key.
      for (const { registry } of [first, ...others]) {
        expect(await registry.metrics()).not.toContain('verdict="error"');
      }
    });

    it('pause once, and an operator who acts at the same time is not overruled', async () => {
      const other = await world.replica({ database: first.database });
      const { id } = await create();
      await finish('confirmed');
      const by = { actor: 'operator', reason: 'stop everything' };
      await Promise.all([
        first.service.evaluateAll(),
        other.service.act(id, 'abort', by),
        other.service.evaluateAll(),
      ]);
      expect(await first.service.get(id)).toMatchObject({ status: 'aborted' });
      const events = await eventsOf(first.service, id);
      expect(events.at(-1)).toBe('aborted');
      expect(events.filter((event) => event === 'advanced').length).toBeLessThanOrEqual(1);
    });
  });

  describe('the running loop', () => {
    it('pauses by itself, and its stop ends it', async () => {
      const { id } = await create();
      first.service.start();
      await finish('rolled_back');
      await expect
        .poll(async () => (await first.service.get(id)).status, { timeout: 10_000 })
        .toBe('paused');
      await first.service.stop();
      await first.service.act(id, 'resume', { actor: 'operator', reason: 'again' });
      expect((await first.service.get(id)).verdict).toBeNull();
    });

    it('rests for the soak time by the service’s own clock', async () => {
      const { id } = await create({ soakMs: 60_000 });
      await finish('confirmed');
      await first.service.evaluateAll();
      world.nowMs += 59_999;
      await first.service.evaluateAll();
      expect(await first.service.get(id)).toMatchObject({
        currentPhase: 1,
        verdict: { code: 'soaking' },
      });
      world.nowMs += 1;
      await first.service.evaluateAll();
      expect(await first.service.get(id)).toMatchObject({ currentPhase: 2 });
    });

    it('counts the soak anew after a resume', async () => {
      const { id } = await create({ soakMs: 60_000 });
      await finish('confirmed');
      await first.service.evaluateAll();
      const by = { actor: 'operator', reason: 'look first' };
      await first.service.act(id, 'pause', by);
      await first.service.act(id, 'resume', by);
      world.nowMs += 60_000;
      await first.service.evaluateAll();
      expect(await first.service.get(id)).toMatchObject({
        currentPhase: 1,
        verdict: { code: 'soaking' },
      });
    });

    it('keeps the counts of a paused campaign current, and its verdict', async () => {
      const { id } = await create();
      const [[canary, report]] = [...(await world.pollAll(first))] as [[string, UpdateReport]];
      await first.service.act(id, 'pause', { actor: 'operator', reason: 'lunch' });
      await first.service.recordReport(canary, { ...report, state: 'confirmed' }, world.nowMs);
      await world.pump();
      await first.service.evaluateAll();
      const view = await first.service.get(id);
      expect(view).toMatchObject({ status: 'paused', verdict: null });
      expect(view.phases[0]?.counts).toMatchObject({ confirmed: 1 });
    });
  });

  describe('a warehouse that fails', () => {
    it('holds the campaign and keeps the last counts', async () => {
      const refused = httpWarehouse(1);
      const blind = await world.replica({ database: first.database, warehouse: refused });
      const { id } = await create();
      await finish('confirmed');
      await blind.service.evaluateAll();
      await refused.close();
      const view = await first.service.get(id);
      expect(view).toMatchObject({ status: 'running', currentPhase: 1 });
      expect(view.verdict).toMatchObject({ kind: 'hold', code: 'warehouse_unavailable' });
      expect(view.verdict?.words).toMatch(/ECONNREFUSED/);
      await first.service.evaluateAll();
      expect(await first.service.get(id)).toMatchObject({ currentPhase: 2 });
    });

    it('does not keep the service from stopping when it never answers', async () => {
      const asked = Promise.withResolvers<void>();
      const server: Server = createServer(() => asked.resolve()).listen(0, '127.0.0.1');
      await new Promise((resolve) => server.once('listening', resolve));
      const { port } = server.address() as AddressInfo;
      const mute = httpWarehouse(port);
      try {
        const { id } = await create();
        const blind = await world.replica({ database: first.database, warehouse: mute });
        blind.service.start();
        await asked.promise;
        const before = performance.now();
        await blind.service.stop();
        expect(performance.now() - before).toBeLessThan(5000);
        expect(await first.service.get(id)).toMatchObject({ status: 'running', verdict: null });
      } finally {
        await mute.close();
        server.closeAllConnections();
        server.close();
      }
    });
  });
});
