import type { ClickHouseClient } from '@clickhouse/client';
import type { FastifyInstance } from 'fastify';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  campaignEventSchema,
  campaignViewSchema,
  listOf,
  problemSchema,
  type CampaignCreateInput,
} from '@flotilla/contracts';
import { FirmwareStore } from '../../src/firmware/firmware-store.ts';
import { ModelStore } from '../../src/firmware/model-store.ts';
import { CampaignWorld, FIRMWARE_ID, type Replica } from './campaign-world.ts';
import { deviceNames } from './sample-campaign.ts';
import { openEmbeddedWarehouse } from './embedded-warehouse.ts';

let warehouse: ClickHouseClient;
let world: CampaignWorld;
let replica: Replica;
let app: FastifyInstance;

beforeAll(async () => {
  warehouse = await openEmbeddedWarehouse();
});
afterAll(() => warehouse.close());
beforeEach(async () => {
  world = await CampaignWorld.open(warehouse);
  replica = await world.replica();
  app = CampaignWorld.app(replica.service);
  await world.addFirmware(replica.database);
  await world.addDevices(replica.database, deviceNames(10));
});
afterEach(async () => {
  await app.close();
  await world.close();
});

const post = (url: string, payload: unknown) =>
  app.inject({ method: 'POST', url, payload: payload as object });
const good: CampaignCreateInput = { name: 'roll', firmwareId: FIRMWARE_ID };
const campaigns = '/api/v1/campaigns';

describe('creating a campaign', () => {
  it('answers 201 with the plan', async () => {
    const answer = await post(campaigns, good);
    expect(answer.statusCode).toBe(201);
    const view = campaignViewSchema.parse(answer.json());
    expect(answer.headers.location).toBe(`${campaigns}/${view.id}`);
    expect(view).toMatchObject({ status: 'running', round: 1, currentPhase: 1, totalDevices: 10 });
    expect(view.phases.map(({ devices, state }) => [devices, state])).toEqual([
      [1, 'running'],
      [1, 'waiting'],
      [8, 'waiting'],
    ]);
    const one = await app.inject(`${campaigns}/${view.id}`);
    expect(campaignViewSchema.parse(one.json())).toEqual(view);
    const list = listOf(campaignViewSchema).parse((await app.inject(campaigns)).json());
    expect(list.items).toEqual([view]);
    const log = await app.inject(`${campaigns}/${view.id}/events`);
    expect(listOf(campaignEventSchema).parse(log.json()).items).toMatchObject([
      { event: 'created', actor: 'operator', evidence: { devices: 10, phases: [1, 1, 8] } },
    ]);
  });

  it.each([
    ['an empty body', {}, 400, 'validation_failed', '/body/name'],
    ['an unknown field', { ...good, speed: 3 }, 400, 'validation_failed', 'speed'],
    [
      'falling percentages',
      { ...good, phases: [{ percent: 50 }, { percent: 10 }] },
      400,
      'validation_failed',
      '/body/phases',
    ],
    [
      'a last phase below all',
      { ...good, phases: [{ percent: 50 }] },
      400,
      'validation_failed',
      '100 percent',
    ],
    [
      'a threshold above one',
      { ...good, errorThreshold: 5 },
      400,
      'validation_failed',
      '/body/errorThreshold',
    ],
    [
      'a firmware that is not there',
      { ...good, firmwareId: 'fw_zzzzzzzzzzzz' },
      400,
      'validation_failed',
      '/body/firmwareId',
    ],
    ['a draft', { ...good, firmwareId: 'fw_00000draft00' }, 409, 'conflict', 'draft'],
    [
      'groups without devices',
      { ...good, groups: ['lab'] },
      409,
      'conflict',
      'no device of model sensor in lab needs 1.1.0',
    ],
  ])('refuses %s', async (_name, body, status, code, words) => {
    await world.addFirmware(replica.database, {
      id: 'fw_00000draft00',
      version: '1.2.0',
      state: 'draft',
    });
    const answer = await post(campaigns, body);
    expect(answer.statusCode).toBe(status);
    const problem = problemSchema.parse(answer.json());
    expect(problem.code).toBe(code);
    expect(JSON.stringify(problem)).toContain(words);
    expect(listOf(campaignViewSchema).parse((await app.inject(campaigns)).json()).items).toEqual(
      [],
    );
  });

  it('leaves out devices that have the version or are retired', async () => {
    await world.addDevices(replica.database, ['done-1', 'done-2'], { version: '1.1.0' });
    await world.addDevices(replica.database, ['gone'], { lifecycle: 'retired' });
    await world.addDevices(replica.database, ['blank'], { version: null });
    const view = campaignViewSchema.parse((await post(campaigns, good)).json());
    expect(view.totalDevices).toBe(11);
  });

  it('refuses a rival for the same firmware and devices, and leaves nothing of it', async () => {
    await world.addDevices(replica.database, ['a'], { group: 'a' });
    await world.addDevices(replica.database, ['b'], { group: 'b' });
    const { id } = campaignViewSchema.parse(
      (await post(campaigns, { ...good, groups: ['a'] })).json(),
    );
    expect((await post(campaigns, { ...good, groups: ['b'] })).statusCode).toBe(201);
    const rival = await post(campaigns, { ...good, groups: ['a', 'default'] });
    expect(rival.statusCode).toBe(409);
    expect(problemSchema.parse(rival.json()).detail).toContain(id);
    expect((await post(campaigns, good)).statusCode).toBe(409);
    await post(`${campaigns}/${id}/abort`, { reason: 'make room' });
    const [again, twice] = await Promise.all([
      post(campaigns, { ...good, groups: ['a'] }),
      post(campaigns, { ...good, groups: ['a'] }),
    ]);
    expect([again.statusCode, twice.statusCode].sort()).toEqual([201, 409]);
    const phases = await replica.database.selectFrom('campaign_phases').selectAll().execute();
    expect(phases.length).toBe(3 * 3);
  });
});

describe('acting on a campaign', () => {
  it('pauses, resumes into a new round and aborts, each with its reason in the log', async () => {
    const { id } = campaignViewSchema.parse((await post(campaigns, good)).json());
    const act = async (action: string) => {
      const answer = await post(`${campaigns}/${id}/${action}`, { reason: `please ${action}` });
      return [answer.statusCode, campaignViewSchema.parse(answer.json())] as const;
    };
    expect(await act('pause')).toMatchObject([200, { status: 'paused', round: 1 }]);
    expect((await world.pollAll(replica)).size).toBe(0);
    expect(await act('resume')).toMatchObject([200, { status: 'running', round: 2 }]);
    expect((await world.pollAll(replica)).size).toBe(1);
    expect(await act('abort')).toMatchObject([
      200,
      { status: 'aborted', phases: [{ state: 'done' }, {}, {}] },
    ]);
    expect((await world.pollAll(replica)).size).toBe(0);
    const log = listOf(campaignEventSchema).parse(
      (await app.inject(`${campaigns}/${id}/events`)).json(),
    );
    expect(log.items.map(({ event, reason }) => `${event}: ${reason}`)).toEqual([
      'created: 1.1.0 for 10 devices',
      'paused: please pause',
      'resumed: please resume',
      'aborted: please abort',
    ]);
  });

  it.each([
    ['resume', { reason: 'x' }, 409, 'cannot resume: the campaign is running'],
    ['pause', {}, 400, '/body/reason'],
    ['pause', { reason: '  ' }, 400, '/body/reason'],
    ['explode', { reason: 'x' }, 404, 'no POST'],
  ])('refuses %s with %j', async (action, body, status, words) => {
    const { id } = campaignViewSchema.parse((await post(campaigns, good)).json());
    const answer = await post(`${campaigns}/${id}/${action}`, body);
    expect(answer.statusCode).toBe(status);
    expect(problemSchema.parse(answer.json()).detail).toContain(words);
  });

  it.each([
    ['GET', 'cmp_zzzzzzzzzzzz', 404],
    ['GET', 'cmp_zzzzzzzzzzzz/events', 404],
    ['GET', 'nonsense', 400],
    ['POST', 'cmp_zzzzzzzzzzzz/pause', 404],
  ] as const)('%s %s answers %i', async (method, path, status) => {
    const payload = method === 'POST' ? { payload: { reason: 'x' } } : {};
    const answer = await app.inject({ method, url: `${campaigns}/${path}`, ...payload });
    expect(answer.statusCode).toBe(status);
    expect(problemSchema.parse(answer.json()).status).toBe(status);
  });
});

describe('a campaign whose firmware may be offered to nobody', () => {
  async function started() {
    return campaignViewSchema.parse((await post(campaigns, good)).json());
  }
  const conflict = async (url: string, payload: unknown) =>
    problemSchema.parse((await post(url, payload)).json());

  it('pauses with the reason when it is withdrawn, and cannot go on', async () => {
    const { id } = await started();
    await replica.service.pauseUnofferable();
    expect((await replica.service.get(id)).status).toBe('running');
    await new FirmwareStore(replica.database).withdraw(FIRMWARE_ID, 'it hangs', world.nowMs);
    for (let i = 0; i < 2; i += 1) await replica.service.pauseUnofferable();
    expect((await replica.service.get(id)).status).toBe('paused');
    expect(await replica.service.events(id)).toMatchObject([
      { event: 'created' },
      { event: 'paused', actor: 'registry', reason: '1.1.0 is withdrawn' },
    ]);
    const resume = await conflict(`${campaigns}/${id}/resume`, { reason: 'try' });
    expect(resume).toMatchObject({ status: 409, detail: '1.1.0 is withdrawn' });
    expect((await post(`${campaigns}/${id}/abort`, { reason: 'x' })).statusCode).toBe(200);
    expect(await conflict(campaigns, good)).toMatchObject({ status: 409, code: 'conflict' });
  });

  it('pauses when the floor rises above it', async () => {
    const { id } = await started();
    const models = new ModelStore(replica.database);
    const sensor = { description: '', format: 'tar' as const, hardwareRevisions: [] };
    await models.put('sensor', sensor, world.nowMs);
    await models.raiseFloor('sensor', '1.1.0', world.nowMs);
    await replica.service.pauseUnofferable();
    expect((await replica.service.get(id)).status).toBe('running');
    await models.raiseFloor('sensor', '1.1.1', world.nowMs);
    await replica.service.pauseUnofferable();
    expect((await replica.service.events(id)).at(-1)).toMatchObject({
      event: 'paused',
      reason: "1.1.0 is below the model's floor 1.1.1",
    });
  });
});
