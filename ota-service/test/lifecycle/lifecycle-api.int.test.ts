import type { BulkLifecycleResult, DeviceLifecycle } from '@flotilla/contracts';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { DecommissionStore } from '../../src/lifecycle/decommission-store.ts';
import { Decommissioning, type DecommissionEffects } from '../../src/lifecycle/decommissioning.ts';
import { describeEngines } from '../../src/testing/engines.ts';
import { startHarness, type OtaHarness } from '../../src/testing/ota-harness.ts';

const NOTHING = { runningVersion: null, runningSha256: null };

describeEngines('the lifecycle API', (engine) => {
  let ota: OtaHarness;
  beforeEach(async () => {
    ota = await startHarness({ databaseUrl: await engine.newUrl() });
  });
  afterEach(() => ota.close());

  const change = (id: string, body: object) =>
    ota.operator('POST', `/api/v1/devices/${id}/lifecycle`, body);
  async function view(id: string): Promise<DeviceLifecycle> {
    const answer = await ota.operator('GET', `/api/v1/devices/${id}/lifecycle`);
    expect(answer.status).toBe(200);
    return (await answer.json()) as DeviceLifecycle;
  }

  it('keeps every step with its reason, and refuses what the machine does not know', async () => {
    const device = await ota.newDevice('m');
    expect((await change(device.id, { to: 'maintenance', reason: 'fan' })).status).toBe(409);
    await ota.poll(device.token, NOTHING);
    expect((await change(device.id, { to: 'maintenance', reason: 'fan' })).status).toBe(200);
    expect((await change(device.id, { to: 'maintenance', reason: 'fan' })).status).toBe(200);
    expect((await change(device.id, { to: 'active', reason: ' ' })).status).toBe(400);
    expect((await change(device.id, { to: 'active', reason: 'repaired' })).status).toBe(200);
    const { items, next, lifecycle } = await view(device.id);
    expect(lifecycle).toBe('active');
    expect(next).toEqual(['maintenance', 'retired']);
    expect(items.map(({ seq, to, reason, actor }) => [seq, to, reason, actor])).toEqual([
      [3, 'active', 'repaired', 'operator'],
      [2, 'maintenance', 'fan', 'operator'],
      [1, 'active', 'its first poll', 'device'],
    ]);
    expect((await change('nobody', { to: 'active', reason: 'x' })).status).toBe(404);
  });

  it('moves a group and tells whom it could not move', async () => {
    const [a, b, c] = [
      await ota.newDevice('m'),
      await ota.newDevice('m'),
      await ota.newDevice('other'),
    ];
    for (const device of [a, b]) await ota.poll(device.token, NOTHING);
    const bulk = async (body: object): Promise<BulkLifecycleResult> => {
      const answer = await ota.operator('POST', '/api/v1/devices/bulk-lifecycle', body);
      expect(answer.status).toBe(200);
      return (await answer.json()) as BulkLifecycleResult;
    };
    const service = { to: 'maintenance', reason: 'recall' };
    expect(await bulk({ ...service, group: 'default' })).toEqual({
      changed: 2,
      unchanged: 0,
      refusedCount: 1,
      refused: [
        { deviceId: c.id, detail: 'a device that is provisioned does not become maintenance' },
      ],
    });
    expect(await bulk({ ...service, group: 'default', model: 'm' })).toMatchObject({
      changed: 0,
      unchanged: 2,
    });
    expect(await bulk({ to: 'active', reason: 'x', deviceIds: [a.id, 'gone'] })).toMatchObject({
      changed: 1,
      refused: [{ deviceId: 'gone', detail: 'there is no such device' }],
    });
    const none = await ota.operator('POST', '/api/v1/devices/bulk-lifecycle', service);
    expect(none.status).toBe(400);
  });

  it('cuts a token off at once, also where its polls were answered from memory', async () => {
    const device = await ota.newDevice('m');
    for (let i = 0; i < 3; i += 1) await ota.poll(device.token, NOTHING);
    const options = { wipe: false };
    const gone = { to: 'retired', reason: 'sold', decommission: options };
    expect((await change(device.id, gone)).status).toBe(200);
    await vi.waitFor(async () => {
      const answer = await ota.call('POST', '/device/v1/poll', device.token, NOTHING);
      expect(answer.status).toBe(403);
    }, 5000);
    await vi.waitFor(async () => {
      expect((await view(device.id)).decommission).toMatchObject({
        step: 'done',
        wipe: 'not_asked',
      });
    }, 10_000);
    expect((await change(device.id, { to: 'active', reason: 'back' })).status).toBe(409);
  });

  it('goes on where a crash left it, whichever step that was', async () => {
    const device = await ota.newDevice('m');
    await ota.stopService();
    const store = new DecommissionStore(ota.database);
    const options = { drainMs: 0, wipe: false, wipeTimeoutMs: 1000, data: 'retain' as const };
    await ota.database
      .transaction()
      .execute((trx) => store.begin(trx, device.id, options, 'test', 0));
    const did: string[] = [];
    let crashes = 0;
    // Each step is done, and then the process ends before that is stored.
    const effect = (name: string) => async () => {
      did.push(name);
      crashes += 1;
      if (crashes % 2 === 1) throw new Error('the process ends');
      return '';
    };
    const effects: DecommissionEffects = {
      drain: effect('drain'),
      revoke: effect('revoke'),
      remove_credentials: effect('remove_credentials'),
      wipe: effect('wipe'),
      settle_data: effect('settle_data'),
    };
    let nowMs = 1000;
    const next = () =>
      new Decommissioning({
        store,
        effects,
        leases: {
          during: async (_name, work) => ({ result: await work(new AbortController().signal) }),
        },
        clock: () => nowMs,
        logger: ota.deps.logger,
      });
    for (let turn = 0; turn < 12; turn += 1) {
      await next().runDue();
      nowMs += 600_000;
    }
    expect(await store.find(device.id)).toMatchObject({ step: 'done', last_error: null });
    const twice = ['revoke', 'remove_credentials', 'wipe', 'settle_data'];
    expect(did).toEqual(twice.flatMap((name) => [name, name]));
  });
});
