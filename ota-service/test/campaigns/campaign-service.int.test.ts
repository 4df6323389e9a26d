import type { ClickHouseClient } from '@clickhouse/client';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  campaignCreateSchema,
  type CampaignCreateInput,
  type UpdateReport,
} from '@flotilla/contracts';
import { deviceRank } from '../../src/campaigns/domain/campaign-plan.ts';
import { describeEngines } from '../../src/testing/engines.ts';
import { CampaignWorld, FIRMWARE_ID, type Replica } from './campaign-world.ts';
import { deviceNames } from './sample-campaign.ts';
import { openEmbeddedWarehouse } from './embedded-warehouse.ts';
import { readLogsRequest } from './otlp-log-reader.ts';

let warehouse: ClickHouseClient;
let world: CampaignWorld;
let replica: Replica;

beforeAll(async () => {
  warehouse = await openEmbeddedWarehouse();
});
afterAll(() => warehouse.close());
describeEngines('campaigns', (engine) => {
  beforeEach(async () => {
    world = await CampaignWorld.open(warehouse, engine);
    replica = await world.replica();
    await world.addFirmware(replica.database);
  });
  afterEach(() => world.close());

  const create = (over: Partial<CampaignCreateInput> = {}) =>
    replica.service.create(
      campaignCreateSchema.parse({ name: 'roll', firmwareId: FIRMWARE_ID, ...over }),
      'operator',
    );

  /** Every device that is offered the update ends it so; then the gate looks once. */
  async function everybody(state: 'confirmed' | 'rolled_back'): Promise<string[]> {
    const offered = await world.pollAll(replica);
    for (const [deviceId, report] of offered) {
      const reason = state === 'rolled_back' ? ({ reason: 'trial_crashed' } as const) : {};
      await replica.service.recordReport(deviceId, { ...report, state, ...reason }, world.nowMs);
      if (state === 'confirmed') await setDevice(deviceId, { firmware_version: '1.1.0' });
    }
    await world.pump();
    await replica.service.evaluateAll();
    return [...offered.keys()];
  }

  async function setDevice(id: string, set: { firmware_version?: string; lifecycle?: 'retired' }) {
    await replica.database.updateTable('devices').set(set).where('id', '=', id).execute();
  }

  describe('a good release', () => {
    it('reaches one, two and then all ten devices, and completes', async () => {
      await world.addDevices(replica.database, deviceNames(10));
      const { id } = await create();
      expect((await everybody('confirmed')).length).toBe(1);
      expect(await replica.service.get(id)).toMatchObject({ currentPhase: 2, exposedDevices: 1 });
      expect((await everybody('confirmed')).length).toBe(1);
      expect((await everybody('confirmed')).length).toBe(8);
      const view = await replica.service.get(id);
      expect(view).toMatchObject({ status: 'completed', exposedDevices: 10, totalDevices: 10 });
      expect(view.verdict).toMatchObject({ kind: 'complete', words: '10 of 10 devices confirmed' });
      expect(view.phases.map((p) => [p.devices, p.state, p.counts.confirmed, p.errorRate])).toEqual(
        [
          [1, 'done', 1, 0],
          [1, 'done', 1, 0],
          [8, 'done', 8, 0],
        ],
      );
      const events = await replica.service.events(id);
      expect(events.map(({ event, actor }) => [event, actor])).toEqual([
        ['created', 'operator'],
        ['advanced', 'gate'],
        ['advanced', 'gate'],
        ['completed', 'gate'],
      ]);
      expect(events[1]?.evidence).toMatchObject({
        limits: { errorThreshold: 0.05, currentPhase: 1 },
        window: { query: 'campaign-counts.sql', deadlineMs: 1_800_000 },
      });
    });

    it('holds while nothing is known, and offers the next phase to nobody', async () => {
      await world.addDevices(replica.database, deviceNames(10));
      const { id } = await create();
      await world.pollAll(replica);
      await replica.service.evaluateAll();
      await replica.service.evaluateAll();
      const view = await replica.service.get(id);
      expect(view).toMatchObject({ currentPhase: 1, exposedDevices: 1 });
      expect(view.verdict).toMatchObject({ kind: 'hold', code: 'no_data' });
      expect((await replica.service.events(id)).length).toBe(1);
    });

    it('passes by a device that retired in the middle', async () => {
      await world.addDevices(replica.database, deviceNames(3));
      const { id } = await create({ phases: [{ percent: 50 }, { percent: 100 }] });
      const [[gone, first], [stays, second]] = [...(await world.pollAll(replica))] as [
        [string, UpdateReport],
        [string, UpdateReport],
      ];
      await replica.service.recordReport(gone, { ...first, state: 'trial' }, world.nowMs);
      await replica.service.recordReport(stays, { ...second, state: 'confirmed' }, world.nowMs);
      await world.pump();
      await replica.service.evaluateAll();
      const held = await replica.service.get(id);
      expect(held.verdict?.words).toBe('1 of 2 canary devices finished');
      await setDevice(gone, { lifecycle: 'retired' });
      await replica.service.evaluateAll();
      expect(await replica.service.get(id)).toMatchObject({ currentPhase: 2, totalDevices: 2 });
      const advanced = (await replica.service.events(id)).find(({ event }) => event === 'advanced');
      expect(advanced?.evidence).toMatchObject({ leftOut: { retired: 1, hasVersion: 0 } });
    });

    it('waits for the report of a device that already runs the offered version', async () => {
      await world.addDevices(replica.database, deviceNames(3));
      const { id } = await create({ phases: [{ percent: 50 }, { percent: 100 }] });
      const [[late], [told, report]] = [...(await world.pollAll(replica))] as [
        [string, UpdateReport],
        [string, UpdateReport],
      ];
      await setDevice(late, { firmware_version: '1.1.0' });
      await replica.service.recordReport(told, { ...report, state: 'confirmed' }, world.nowMs);
      await world.pump();
      await replica.service.evaluateAll();
      const held = await replica.service.get(id);
      expect(held).toMatchObject({ currentPhase: 1, verdict: { kind: 'hold' } });
      expect(held.verdict?.words).toBe('1 of 2 canary devices finished');
    });

    it('waits for a device that joined a phase already passed', async () => {
      await world.addDevices(replica.database, deviceNames(10));
      const { id } = await create();
      await everybody('confirmed');
      const { cutoff } = await replica.database
        .selectFrom('campaign_phases')
        .select('cutoff')
        .where('phase', '=', 1)
        .executeTakeFirstOrThrow();
      const joined = Array.from({ length: 1000 }, (_, i) => `joined-${i}`);
      const late = joined.find((name) => deviceRank(id, name) <= cutoff)!;
      await everybody('confirmed');
      await world.addDevices(replica.database, [late]);
      const offered = await world.pollAll(replica);
      expect(offered.get(late)).toMatchObject({ phase: 1 });
      for (const [deviceId, report] of offered) {
        const state = deviceId === late ? 'trial' : 'confirmed';
        await replica.service.recordReport(deviceId, { ...report, state }, world.nowMs);
      }
      await world.pump();
      await replica.service.evaluateAll();
      const view = await replica.service.get(id);
      expect(view).toMatchObject({ status: 'running', currentPhase: 3, totalDevices: 11 });
      expect(view.verdict?.words).toBe('1 of 2 canary devices finished');
    });
  });

  describe('a bad release', () => {
    it('is seen by one device, pauses with its reason, and is retried only by a resume', async () => {
      await world.addDevices(replica.database, deviceNames(10));
      const { id } = await create();
      const [canary] = await everybody('rolled_back');
      const paused = await replica.service.get(id);
      const words = '1 of 1 canary devices rolled back, 100 %, limit 5 %; control 0 %';
      expect(paused).toMatchObject({
        status: 'paused',
        exposedDevices: 1,
        verdict: { kind: 'pause', words },
      });
      expect(await replica.service.events(id)).toContainEqual(
        expect.objectContaining({ event: 'auto_paused', actor: 'gate', reason: words }),
      );
      expect(await everybody('confirmed')).toEqual([]);
      const updates = await replica.service.updatesOf([canary!, 'device-x'], 5);
      expect([...updates.keys()]).toEqual([canary]);
      expect(updates.get(canary!)).toMatchObject([
        {
          campaignId: id,
          campaignName: 'roll',
          state: 'rolled_back',
          reason: 'trial_crashed',
          round: 1,
        },
      ]);

      await replica.service.act(id, 'resume', { actor: 'operator', reason: 'fixed the cable' });
      expect(await replica.service.get(id)).toMatchObject({
        status: 'running',
        round: 2,
        verdict: null,
      });
      expect(await everybody('confirmed')).toEqual([canary]);
      expect(await replica.service.get(id)).toMatchObject({ currentPhase: 2, exposedDevices: 1 });
      expect(
        (await replica.service.updatesOf([canary!], 5)).get(canary!)?.map((u) => u.round),
      ).toEqual([2, 1]);
      expect((await replica.service.updatesOf([canary!], 1)).get(canary!)?.length).toBe(1);
    });

    it('pauses on a device that died right after its offer', async () => {
      await world.addDevices(replica.database, deviceNames(10));
      const { id } = await create({ deadlineMs: 60_000 });
      await world.pollAll(replica);
      await world.pump();
      world.nowMs += 60_000;
      await replica.service.evaluateAll();
      expect(await replica.service.get(id)).toMatchObject({ status: 'running' });
      world.nowMs += 1;
      await replica.service.evaluateAll();
      expect(await replica.service.get(id)).toMatchObject({
        status: 'paused',
        phases: [{ counts: { silent: 1, started: 1 }, errorRate: 1 }, {}, {}],
      });
    });

    it('pauses on silence once the deadline has passed', async () => {
      await world.addDevices(replica.database, deviceNames(10));
      const { id } = await create({ deadlineMs: 60_000 });
      const [[canary, report]] = [...(await world.pollAll(replica))] as [[string, UpdateReport]];
      await replica.service.recordReport(canary, { ...report, state: 'trial' }, world.nowMs);
      await world.pump();
      world.nowMs += 60_000;
      await replica.service.evaluateAll();
      expect(await replica.service.get(id)).toMatchObject({ status: 'running' });
      world.nowMs += 1;
      await replica.service.evaluateAll();
      expect(await replica.service.get(id)).toMatchObject({
        status: 'paused',
        phases: [{ counts: { silent: 1, started: 1 }, errorRate: 1 }, {}, {}],
      });
    });
  });

  describe('offers and reports', () => {
    beforeEach(async () => {
      await world.addDevices(replica.database, deviceNames(10));
      await create();
    });

    it('travel as OTLP logs with the device and the report named', async () => {
      const [[canary, report]] = [...(await world.pollAll(replica))] as [[string, UpdateReport]];
      await world.pollAll(replica);
      const last = {
        ...report,
        state: 'failed',
        reason: 'no_space',
        detail: 'full',
        transferBytes: 7,
      } as const;
      await replica.service.recordReport(canary, last, world.nowMs);
      const records = await world.newRecords();
      expect(records.map(({ key, headers }) => [key, headers['flotilla-device-id']])).toEqual([
        [canary, canary],
        [canary, canary],
      ]);
      expect(records[1]?.headers).toMatchObject({
        'flotilla-batch-id': `report:${report.reportId}`,
        'flotilla-received-at': new Date(world.nowMs).toISOString(),
      });
      const [offered, failed] = records.map(({ value }) => readLogsRequest(value)[0]);
      expect(offered?.attributes).toMatchObject({ 'flotilla.update.state': 'offered' });
      expect(failed).toEqual({
        eventName: 'flotilla.update',
        timeMs: world.nowMs,
        body: 'update 1.0.0 -> 1.1.0: failed (full)',
        resource: {
          'device.id': canary,
          'device.model.identifier': 'sensor',
          'service.name': 'ota-service',
        },
        attributes: {
          'flotilla.report.id': report.reportId,
          'flotilla.campaign.id': report.campaignId,
          'flotilla.campaign.phase': 1,
          'flotilla.campaign.round': 1,
          'flotilla.update.state': 'failed',
          'flotilla.update.outcome': 'failed',
          'flotilla.update.reason': 'no_space',
          'flotilla.update.from_version': '1.0.0',
          'flotilla.update.to_version': '1.1.0',
          'flotilla.update.transfer_bytes': 7,
          'flotilla.update.used_delta': false,
        },
      });
    });

    it('change nothing when they are repeated or late', async () => {
      const [[canary, report]] = [...(await world.pollAll(replica))] as [[string, UpdateReport]];
      const final = { ...report, state: 'confirmed' } as const;
      await replica.service.recordReport(canary, final, world.nowMs);
      await replica.service.recordReport(canary, final, world.nowMs);
      expect((await world.newRecords()).length).toBe(2);
      await replica.service.recordReport(
        canary,
        world.report({ ...report, state: 'trial' }),
        world.nowMs,
      );
      const updates = await replica.service.updatesOf([canary], 5);
      expect(updates.get(canary)).toMatchObject([{ state: 'confirmed' }]);
    });

    it('are refused when they fit no offer, and leave no trace', async () => {
      const [[canary, report]] = [...(await world.pollAll(replica))] as [[string, UpdateReport]];
      await world.newRecords();
      const refused: [string, UpdateReport, string][] = [
        [canary, { ...report, campaignId: 'cmp_zzzzzzzzzzzz' }, 'not_found'],
        [canary, { ...report, round: 2 }, 'not_found'],
        [canary, { ...report, phase: 3 }, 'validation_failed'],
        [canary, { ...report, toVersion: '9.9.9' }, 'validation_failed'],
        ['device-x', report, 'not_found'],
      ];
      for (const [deviceId, bad, code] of refused) {
        const outcome = replica.service.recordReport(deviceId, bad, world.nowMs);
        await expect(outcome).rejects.toMatchObject({ name: 'ProblemError', code });
      }
      expect(await world.newRecords()).toEqual([]);
    });

    it('are not written to the registry when the log refuses them', async () => {
      const [[canary, report]] = [...(await world.pollAll(replica))] as [[string, UpdateReport]];
      await world.eventLog.close();
      const outcome = replica.service.recordReport(
        canary,
        { ...report, state: 'failed' },
        world.nowMs,
      );
      await expect(outcome).rejects.toThrow();
      const updates = await replica.service.updatesOf([canary], 1);
      expect(updates.get(canary)).toMatchObject([{ state: 'offered' }]);
    });

    it('end with a pause that comes between the offer and its answer', async () => {
      const [campaign] = await replica.service.list();
      const offers = await Promise.all(
        deviceNames(10).map(async (id) => {
          const device = { id, model: 'sensor', group: 'default', firmwareVersion: '1.0.0' };
          return [id, await world.offerTo(replica, device)] as const;
        }),
      );
      const [canary, offer] = offers.find(([, o]) => o !== null)!;
      await replica.service.act(campaign!.id, 'pause', { actor: 'operator', reason: 'stop' });
      const outcome = replica.service.markOffered(canary, offer!, world.nowMs);
      await expect(outcome).rejects.toMatchObject({ code: 'conflict' });
      expect(await replica.service.get(campaign!.id)).toMatchObject({ exposedDevices: 0 });
    });

    it('skip devices that are in maintenance or retired', async () => {
      const [[canary]] = [...(await world.pollAll(replica))] as [[string, UpdateReport]];
      await setDevice(canary, { lifecycle: 'retired' });
      expect((await world.pollAll(replica)).size).toBe(0);
    });
  });

  describe('metrics', () => {
    it('show running and paused campaigns, and forget the ended', async () => {
      await world.addDevices(replica.database, deviceNames(10));
      const { id } = await create();
      await everybody('rolled_back');
      const shown = await replica.registry.metrics();
      expect(shown).toContain(
        `flotilla_campaign_devices{campaign="${id}",phase="1",state="rolled_back"} 1`,
      );
      expect(shown).toContain(`flotilla_campaign_error_ratio{campaign="${id}",phase="1"} 1`);
      expect(shown).toContain(`flotilla_campaign_paused{campaign="${id}"} 1`);
      expect(shown).toContain('flotilla_evaluations_total{verdict="pause"} 1');
      await replica.service.act(id, 'abort', { actor: 'operator', reason: 'give up' });
      await replica.service.evaluateAll();
      expect(await replica.registry.metrics()).not.toContain(id);
    });
  });
});
