import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { campaignCreateSchema, type CampaignCreateInput } from '@flotilla/contracts';
import { LabelStore } from '../../src/devices/label-store.ts';
import { describeEngines } from '../../src/testing/engines.ts';
import { expectConsistent } from './campaign-invariants.ts';
import { CampaignWorld, FIRMWARE_ID, type Replica } from './campaign-world.ts';
import { deviceNames } from './sample-campaign.ts';

const ALICE = { actor: 'alice', reason: 'because' };
const BOB = { actor: 'bob', reason: 'looks right' };
const MINUTE_MS = 60_000;
const ALL = [{ percent: 100 }];

let world: CampaignWorld;
let replica: Replica;

describeEngines('the rules of a campaign', (engine) => {
  beforeEach(async () => {
    ({ world, replica } = await CampaignWorld.overRegistry(engine));
    await world.addFirmware(replica.database);
  });
  afterEach(() => world.close());

  const request = (over: Partial<CampaignCreateInput> = {}) =>
    campaignCreateSchema.parse({ name: 'roll', firmwareId: FIRMWARE_ID, ...over });
  const create = (over: Partial<CampaignCreateInput> = {}) =>
    replica.service.create(request(over), ALICE.actor);
  const polled = async () => [...(await world.pollAll(replica)).keys()].sort();
  const iso = (offsetMs: number) => new Date(world.nowMs + offsetMs).toISOString();
  const events = async (id: string) =>
    (await replica.service.events(id)).map(({ event, actor }) => `${event} by ${actor}`);

  async function end(state: 'confirmed' | 'failed' | 'rolled_back', ids?: readonly string[]) {
    for (const [id, report] of await world.pollAll(replica)) {
      if (ids?.includes(id) === false) continue;
      await replica.service.recordReport(id, { ...report, state }, world.nowMs);
      if (state === 'confirmed') await setVersion(id, '1.1.0');
    }
  }
  const setVersion = (id: string, version: string) =>
    replica.database
      .updateTable('devices')
      .set({ firmware_version: version })
      .where('id', '=', id)
      .execute();

  describe('the target', () => {
    it('is who the selector, groups, versions and list agree on, and fills while it runs', async () => {
      const { database } = replica;
      await world.addDevices(database, ['b1', 'b2'], { labels: { site: 'berlin' } });
      await world.addDevices(database, ['legacy'], { labels: { site: 'berlin', legacy: '' } });
      await world.addDevices(database, ['lab'], { labels: { site: 'berlin' }, group: 'lab' });
      await world.addDevices(database, ['old'], { labels: { site: 'berlin' }, version: '0.9.0' });
      await world.addDevices(database, ['unnamed'], { labels: { site: 'berlin' } });
      await world.addDevices(database, ['paris', 'bare']);
      const { id, totalDevices, target } = await create({
        phases: ALL,
        target: {
          groups: ['default'],
          selector: 'site in (berlin, bonn),!legacy',
          versions: ['1.0.0'],
          deviceIds: ['b1', 'b2', 'legacy', 'lab', 'old', 'paris', 'later'],
        },
      });
      expect(totalDevices).toBe(2);
      expect(target).toMatchObject({
        selector: 'site in (berlin, bonn),!legacy',
        listedDevices: 7,
      });
      expect(await polled()).toEqual(['b1', 'b2']);
      const labels = new LabelStore(database);
      expect(await labels.put('paris', { site: 'bonn' })).toBe(true);
      await world.addDevices(database, ['later'], { labels: { site: 'bonn' } });
      await labels.put('b2', {});
      expect(await polled()).toEqual(['b1', 'later', 'paris']);
      await end('confirmed');
      await replica.service.evaluateAll();
      expect(await replica.service.get(id)).toMatchObject({ status: 'completed', totalDevices: 3 });
    });

    it('that is fixed takes nobody in and lets nobody go', async () => {
      await world.addDevices(replica.database, ['a', 'b'], { labels: { ring: '1' } });
      await create({ phases: ALL, target: { selector: 'ring=1', dynamic: false } });
      await new LabelStore(replica.database).put('b', {});
      await world.addDevices(replica.database, ['c'], { labels: { ring: '1' } });
      expect(await polled()).toEqual(['a', 'b']);
    });

    it('is refused in words when the selector says nothing, or nobody fits', async () => {
      await world.addDevices(replica.database, ['a']);
      await expect(create({ target: { selector: 'ring in 1' } })).rejects.toMatchObject({
        code: 'validation_failed',
        errors: [
          {
            pointer: '/body/target/selector',
            detail: '"(" is missing before "1" at character 9',
          },
        ],
      });
      await expect(create({ target: { selector: 'ring=1', dynamic: false } })).rejects.toThrow(
        'no device of model sensor with ring=1 needs 1.1.0',
      );
    });
  });

  it('counts phases in devices, each with a soak and a deadline of its own', async () => {
    await world.addDevices(replica.database, deviceNames(9));
    const { id, phases } = await create({
      phases: [{ count: 2, soakMs: MINUTE_MS }, { count: 5, deadlineMs: 1000 }, { percent: 100 }],
    });
    expect(phases.map(({ devices, count, soakMs }) => [devices, count, soakMs])).toEqual([
      [2, 2, MINUTE_MS],
      [3, 5, 0],
      [4, null, 0],
    ]);
    expect(phases[1]).toMatchObject({ deadlineMs: 1000 });
    await end('confirmed');
    await replica.service.evaluateAll();
    expect((await replica.service.get(id)).verdict).toMatchObject({ code: 'soaking' });
    world.nowMs += MINUTE_MS;
    await replica.service.evaluateAll();
    expect((await polled()).length).toBe(3);
  });

  describe('the beginning', () => {
    it('waits for its time, and the end comes at its own', async () => {
      await world.addDevices(replica.database, deviceNames(2));
      const { id, status, phases } = await create({
        phases: ALL,
        schedule: { startAt: iso(MINUTE_MS), endAt: iso(3 * MINUTE_MS) },
      });
      expect([status, phases[0]?.state]).toEqual(['scheduled', 'waiting']);
      await replica.service.evaluateAll();
      expect(await polled()).toEqual([]);
      world.nowMs += MINUTE_MS;
      await replica.service.evaluateAll();
      expect((await polled()).length).toBe(2);
      world.nowMs += 2 * MINUTE_MS;
      await replica.service.evaluateAll();
      expect(await replica.service.get(id)).toMatchObject({ status: 'aborted' });
      expect(await polled()).toEqual([]);
      expect(await events(id)).toEqual([
        'created by alice',
        'started by schedule',
        'expired by schedule',
      ]);
      await expectConsistent(replica.database, id);
    });

    it('waits for another operator than the one who created it', async () => {
      await world.addDevices(replica.database, deviceNames(2));
      const { id, status, actions } = await create({ approval: { required: true } });
      expect([status, actions]).toEqual(['awaiting_approval', ['approve', 'abort']]);
      await replica.service.evaluateAll();
      expect(await polled()).toEqual([]);
      await expect(replica.service.act(id, 'approve', ALICE)).rejects.toThrow(
        'another operator must approve',
      );
      const approved = await replica.service.act(id, 'approve', BOB);
      expect(approved).toMatchObject({ status: 'running', approval: { by: 'bob' } });
      expect((await polled()).length).toBe(1);
      expect(await events(id)).toEqual([
        'created by alice',
        'approved by bob',
        'started by schedule',
      ]);
    });

    it('takes the id of a dry run once', async () => {
      await world.addDevices(replica.database, deviceNames(2));
      const id = 'cmp_0000000planned'.slice(0, 16);
      expect((await create({ id })).id).toBe(id);
      await expect(create({ id })).rejects.toMatchObject({ code: 'already_exists' });
    });
  });

  it('gives a device to the higher priority, and one update at a time', async () => {
    await world.addFirmware(replica.database, { id: 'fw_000000000002', version: '2.0.0' });
    await world.addDevices(replica.database, ['a']);
    const low = await create({ phases: ALL, priority: 1 });
    expect((await world.pollAll(replica)).get('a')).toMatchObject({ campaignId: low.id });
    world.nowMs += 1;
    const high = await create({ phases: ALL, priority: 9, firmwareId: 'fw_000000000002' });
    const lowest = await create({
      phases: ALL,
      priority: 0,
      firmwareId: 'fw_000000000002',
      target: { deviceIds: ['a'] },
    });
    // What is under way goes on.
    expect((await world.pollAll(replica)).get('a')).toMatchObject({ campaignId: low.id });
    await end('failed');
    expect((await world.pollAll(replica)).get('a')).toMatchObject({ campaignId: high.id });
    await replica.service.act(high.id, 'pause', ALICE);
    expect((await world.pollAll(replica)).get('a')).toMatchObject({ campaignId: lowest.id });
  });

  it('offers inside the maintenance window of the device alone, and says until when not', async () => {
    world.nowMs = Date.parse('2026-01-10T20:00:00Z');
    await world.addDevices(replica.database, ['berlin'], { labels: { timezone: 'Europe/Berlin' } });
    await world.addDevices(replica.database, ['tokyo'], { labels: { timezone: 'Asia/Tokyo' } });
    await world.addDevices(replica.database, ['bare', 'wrong']);
    await new LabelStore(replica.database).put('wrong', { timezone: 'Mars' });
    const windows = { timeZone: 'America/New_York', slots: [{ from: '22:00', to: '06:00' }] };
    await create({ phases: ALL, windows, deadlineMs: 120 * MINUTE_MS });
    expect(await polled()).toEqual(['tokyo']);
    const berlin = { id: 'berlin', model: 'sensor', group: 'default', firmwareVersion: '1.0.0' };
    expect(await replica.service.answerTo(berlin, world.nowMs)).toEqual({
      kind: 'nothing',
      untilMs: Date.parse('2026-01-10T21:00:00Z'),
    });
    world.nowMs = Date.parse('2026-01-10T21:00:00Z');
    // What was offered inside the window stands when it closes.
    expect(await polled()).toEqual(['berlin', 'tokyo']);
    world.nowMs = Date.parse('2026-01-11T03:00:00Z');
    expect(await polled()).toEqual(['bare', 'berlin', 'wrong']);
  });

  describe('the rate limit', () => {
    it('lets so many a minute begin, and a new start none at once', async () => {
      await world.addDevices(replica.database, deviceNames(20));
      await create({ phases: ALL, rateLimit: { devicesPerMinute: 60 } });
      const counts: number[] = [];
      const look = async (from: Replica) => counts.push((await offeredBy(from)).size);
      await look(replica);
      world.nowMs += 3000;
      await look(replica);
      await look(await world.replica());
      world.nowMs += 1000;
      await look(await world.replica());
      expect(counts).toEqual([1, 2, 2, 3]);
    });

    it('lets so many download at the same time', async () => {
      await world.addDevices(replica.database, deviceNames(10));
      await create({ phases: ALL, rateLimit: { concurrentDownloads: 3 }, deadlineMs: MINUTE_MS });
      const first = await offeredBy(replica);
      expect(first.size).toBe(3);
      const [one] = first;
      if (one === undefined) throw new Error('three were offered something');
      const report = world.report({ state: 'installing' });
      await replica.service.recordReport(one, report, world.nowMs);
      world.nowMs += 1000;
      expect((await offeredBy(replica)).size).toBe(4);
      // Whoever died while downloading holds nobody up for ever.
      world.nowMs += MINUTE_MS;
      expect((await offeredBy(replica)).size).toBe(7);
    });

    it('is one for all replicas, however many devices ask at once', async () => {
      const ids = deviceNames(12);
      await world.addDevices(replica.database, ids);
      await create({ phases: ALL, rateLimit: { concurrentDownloads: 3 } });
      // SQLite has one process.
      const other = engine.name === 'postgres' ? await world.replica() : replica;
      const replicas = [replica, other];
      const asked = ids.map(async (id, index) => {
        const from = replicas[index % 2] ?? replica;
        const device = { id, model: 'sensor', group: 'default', firmwareVersion: '1.0.0' };
        const offer = await world.offerTo(from, device);
        if (offer === null) throw new Error('every device is in the phase');
        await from.service.markOffered(id, offer, world.nowMs);
      });
      const answers = await Promise.allSettled(asked);
      expect(answers.filter(({ status }) => status === 'fulfilled').length).toBe(3);
      const refused = answers.flatMap((one) =>
        one.status === 'rejected' ? [one.reason as unknown] : [],
      );
      for (const reason of refused) expect(reason).toMatchObject({ code: 'conflict' });
    });

    /** Everybody who has been offered something by now, as a poll of the whole fleet leaves it. */
    async function offeredBy(from: Replica): Promise<Set<string>> {
      await world.pollAll(from);
      const rows = await from.database.selectFrom('update_attempts').select('device_id').execute();
      return new Set(rows.map((row) => row.device_id));
    }
  });

  describe('a dry run', () => {
    it('shows who gets what when, who does not and why, and the creation does the same', async () => {
      const { database } = replica;
      world.nowMs = Date.parse('2026-01-10T20:00:00Z');
      await world.addFirmware(database, { id: 'fw_000000000002', version: '2.0.0' });
      await world.addDevices(database, deviceNames(20));
      await world.addDevices(database, ['parked'], { lifecycle: 'maintenance' });
      await world.addDevices(database, ['gone'], { lifecycle: 'retired' });
      await world.addDevices(database, ['done'], { version: '1.1.0' });
      await world.addDevices(database, ['ahead'], { version: '1.2.0' });
      await world.addDevices(database, ['else'], { group: 'lab' });
      const other = await create({ firmwareId: 'fw_000000000002', priority: 5 });
      const asked = request({
        groups: ['default'],
        phases: [{ count: 2, soakMs: MINUTE_MS }, { percent: 100 }],
        windows: { timeZone: 'UTC', slots: [{ from: '22:00', to: '23:00' }] },
        rateLimit: { devicesPerMinute: 1 },
      });
      const plan = await replica.service.dryRun(asked, 50);
      expect(plan).toMatchObject({ status: 'running', totalDevices: 21, outsideTarget: 1 });
      expect(plan.leftOut).toEqual([
        {
          reason: 'retired',
          totalDevices: 1,
          devices: [{ deviceId: 'gone', detail: 'is retired' }],
        },
        {
          reason: 'has_version',
          totalDevices: 1,
          devices: [{ deviceId: 'done', detail: 'runs it already' }],
        },
        {
          reason: 'newer_version',
          totalDevices: 1,
          devices: [{ deviceId: 'ahead', detail: 'runs 1.2.0, which is newer' }],
        },
      ]);
      expect(plan.overlaps).toEqual([
        { campaignId: other.id, name: 'roll', priority: 5, totalDevices: 21, goesFirst: true },
      ]);
      const [canaries, rest] = plan.phases;
      expect(canaries).toMatchObject({
        totalDevices: 2,
        earliestStartAt: '2026-01-10T20:00:00.000Z',
        offersTakeMs: MINUTE_MS,
      });
      expect(canaries?.devices[0]?.earliestAt).toBe('2026-01-10T22:00:00.000Z');
      expect(rest).toMatchObject({ earliestStartAt: '2026-01-10T20:02:00.000Z' });
      const all = plan.phases.flatMap(({ devices }) => devices);
      expect(all.find(({ deviceId }) => deviceId === 'parked')?.note).toContain('maintenance');
      const before = await replica.service.list();
      expect(before.map(({ id }) => id)).toEqual([other.id]);

      await replica.service.act(other.id, 'abort', ALICE);
      const { id } = await create({
        id: plan.id,
        groups: ['default'],
        phases: [{ count: 2 }, { percent: 100 }],
      });
      expect(id).toBe(plan.id);
      const promised = canaries?.devices.map(({ deviceId }) => deviceId) ?? [];
      expect(await polled()).toEqual(promised.filter((one) => one !== 'parked').sort());
    });

    it('names so many of each list, and all in number', async () => {
      await world.addDevices(replica.database, deviceNames(5));
      const plan = await replica.service.dryRun(request({ phases: ALL }), 2);
      expect(plan.phases[0]?.devices.length).toBe(2);
      expect(plan.phases[0]?.totalDevices).toBe(5);
    });
  });

  describe('the failed', () => {
    it('get another try when someone says so, as often as the campaign allows', async () => {
      await world.addDevices(replica.database, deviceNames(3));
      const { id } = await create({ phases: ALL, errorThreshold: 1, maxAttempts: 2 });
      await end('failed', ['device-1']);
      await end('confirmed', ['device-2', 'device-3']);
      await replica.service.evaluateAll();
      expect(await replica.service.get(id)).toMatchObject({ status: 'completed' });
      expect(await polled()).toEqual([]);
      const retried = await replica.service.act(id, 'retry', ALICE);
      expect(retried).toMatchObject({ status: 'running', round: 2 });
      await replica.service.evaluateAll();
      expect((await replica.service.get(id)).verdict?.words).toBe(
        '1 canary devices get another try',
      );
      expect(await polled()).toEqual(['device-1']);
      await end('failed');
      await replica.service.evaluateAll();
      const over = await replica.service.get(id);
      expect(over).toMatchObject({ status: 'completed' });
      expect(over.phases[0]?.counts).toMatchObject({ confirmed: 2, failed: 1 });
      await replica.service.act(id, 'retry', ALICE);
      expect(await polled()).toEqual([]);
      await replica.service.evaluateAll();
      expect(await replica.service.get(id)).toMatchObject({ status: 'completed' });
      await expectConsistent(replica.database, id);
    });

    it('keep the failures that are not retried yet, and go on with what is under way', async () => {
      await world.addDevices(replica.database, deviceNames(3));
      const { id } = await create({ phases: ALL, errorThreshold: 1 });
      await end('failed', ['device-1']);
      await replica.service.act(id, 'retry', ALICE);
      const offers = await world.pollAll(replica);
      expect([...offers].map(([device, { round }]) => [device, round]).sort()).toEqual([
        ['device-1', 2],
        ['device-2', 1],
        ['device-3', 1],
      ]);
    });

    it('are not offered a version that they rolled back, but by whom asks for it', async () => {
      await world.addDevices(replica.database, ['a', 'b']);
      const first = await create({ phases: ALL, errorThreshold: 1 });
      await end('rolled_back', ['a']);
      await replica.service.act(first.id, 'abort', ALICE);
      const plan = await replica.service.dryRun(request({ phases: ALL }), 5);
      expect(plan.leftOut).toMatchObject([{ reason: 'rolled_back_before', totalDevices: 1 }]);
      const second = await create({ phases: ALL });
      expect(await polled()).toEqual(['b']);
      await replica.service.act(second.id, 'abort', ALICE);
      await create({ phases: ALL, includeRolledBack: true });
      expect(await polled()).toEqual(['a', 'b']);
    });
  });

  it('skips a phase that an operator will not wait for, and still counts its failures', async () => {
    await world.addDevices(replica.database, deviceNames(4));
    const { id } = await create({ phases: [{ count: 1 }, { count: 2 }, { percent: 100 }] });
    const [canary] = await polled();
    const skipped = await replica.service.act(id, 'skip-phase', ALICE);
    expect(skipped).toMatchObject({ currentPhase: 2, phases: [{ state: 'done' }, {}, {}] });
    expect(skipped.phases[0]?.skippedAt).toBe(new Date(world.nowMs).toISOString());
    await end(
      'confirmed',
      (await polled()).filter((device) => device !== canary),
    );
    await replica.service.evaluateAll();
    const view = await replica.service.get(id);
    expect(view).toMatchObject({ status: 'running', currentPhase: 3 });
    await expect(replica.service.act(id, 'skip-phase', ALICE)).rejects.toThrow('last phase');
    await end('rolled_back', canary === undefined ? [] : [canary]);
    await replica.service.evaluateAll();
    expect(await replica.service.get(id)).toMatchObject({ status: 'paused' });
    await expectConsistent(replica.database, id);
  });

  it('sends the updated back, and is done when nobody runs the version any more', async () => {
    await world.addDevices(replica.database, deviceNames(3));
    const { id } = await create({ phases: ALL });
    await end('confirmed', ['device-1', 'device-2']);
    expect(await polled()).toEqual(['device-3']);
    const ordered = await replica.service.act(id, 'rollback', ALICE);
    expect(ordered).toMatchObject({
      status: 'rolling_back',
      rollback: { updated: 2, returned: 0, remaining: 2 },
      actions: ['abort'],
    });
    expect(await polled()).toEqual([]);
    const ask = (device: string, firmwareVersion: string) =>
      replica.service.answerTo(
        { id: device, model: 'sensor', group: 'default', firmwareVersion },
        world.nowMs,
      );
    const order = { campaignId: id, phase: 1, round: 2, fromVersion: '1.1.0' };
    for (const device of ['device-1', 'device-2']) {
      expect(await ask(device, '1.1.0')).toEqual({ kind: 'rollback', order });
      await replica.service.markOrdered(device, order, world.nowMs);
      await replica.service.markOrdered(device, order, world.nowMs);
    }
    expect(await ask('device-3', '1.0.0')).toEqual({ kind: 'nothing', untilMs: null });
    for (const device of ['device-1', 'device-2']) {
      const report = world.report({ campaignId: id, round: 2, state: 'rolled_back' });
      await replica.service.recordReport(device, report, world.nowMs);
      await setVersion(device, '1.0.0');
      expect(await ask(device, '1.0.0')).toMatchObject({ kind: 'nothing' });
      await replica.service.evaluateAll();
    }
    expect(await replica.service.get(id)).toMatchObject({
      status: 'rolled_back',
      rollback: { updated: 2, returned: 2, remaining: 0 },
    });
    expect((await events(id)).slice(-2)).toEqual([
      'rollback_ordered by alice',
      'rolled_back by gate',
    ]);
    await expectConsistent(replica.database, id);
  });

  it('offers to devices in maintenance only where it was asked for', async () => {
    await world.addDevices(replica.database, ['parked'], { lifecycle: 'maintenance' });
    const { id } = await create({ phases: ALL });
    expect(await polled()).toEqual([]);
    await replica.service.act(id, 'abort', ALICE);
    await create({ phases: ALL, includeMaintenance: true });
    expect(await polled()).toEqual(['parked']);
  });
});
