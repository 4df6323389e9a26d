import { alertWebhookAnswerSchema, campaignCreateSchema } from '@flotilla/contracts';
import { createHttpServer, createLogger } from '@flotilla/service';
import type { FastifyInstance } from 'fastify';
import { Registry } from 'prom-client';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { AlertIntake } from '../../src/alerts-webhook/alert-webhook.ts';
import { registerAlertWebhook } from '../../src/alerts-webhook/alert-webhook-route.ts';
import { registryWarehouse } from '../campaigns/registry-warehouse.ts';
import { CampaignWorld, FIRMWARE_ID, type Replica } from '../campaigns/campaign-world.ts';
import { deviceNames } from '../campaigns/sample-campaign.ts';
import { openDatabase } from '../../src/db/open-database.ts';
import { describeEngines } from '../../src/testing/engines.ts';

const TOKEN = 'a-token-of-alertmanager';
const PATH = '/api/v1/alerts/webhook';

describeEngines('the alert webhook', (engine) => {
  let world: CampaignWorld;
  let replica: Replica;
  let app: FastifyInstance;
  let campaignId: string;

  beforeEach(async () => {
    const databaseUrl = await engine.newUrl();
    const database = await openDatabase(databaseUrl);
    const sameUrl = { ...engine, newUrl: () => Promise.resolve(databaseUrl) };
    world = await CampaignWorld.open(registryWarehouse(database), sameUrl);
    replica = await world.replica({ database });
    await world.addFirmware(database);
    await world.addDevices(database, deviceNames(10));
    const request = campaignCreateSchema.parse({ name: 'roll', firmwareId: FIRMWARE_ID });
    campaignId = (await replica.service.create(request, 'operator')).id;
    app = createHttpServer({ logger: createLogger('test', 'silent') });
    const campaigns = replica.service;
    const deps = { database, campaigns, clock: () => world.nowMs, registry: new Registry() };
    registerAlertWebhook(app, new AlertIntake(deps), TOKEN);
    world.nowMs += 60_000;
  });
  afterEach(async () => {
    await app.close();
    await world.close();
  });

  const alert = (over: Record<string, unknown> = {}) => ({
    status: 'firing',
    labels: { alertname: 'FlotillaErrorLogs', flotilla_campaign_id: campaignId, severity: 'page' },
    annotations: { summary: 'ten times the errors' },
    startsAt: new Date(world.nowMs - 1000).toISOString(),
    endsAt: '0001-01-01T00:00:00Z',
    generatorURL: 'http://prometheus/graph',
    fingerprint: '5ef77f1f8a3ecfac',
    ...over,
  });
  const send = async (alerts: unknown[], token = TOKEN) => {
    const answer = await app.inject({
      method: 'POST',
      url: PATH,
      headers: { authorization: `Bearer ${token}` },
      payload: { version: '4', status: 'firing', receiver: 'flotilla', groupKey: '{}', alerts },
    });
    return answer;
  };
  const outcomes = async (alerts: unknown[]) => {
    const answer = await send(alerts);
    expect(answer.statusCode).toBe(200);
    return alertWebhookAnswerSchema.parse(answer.json()).results.map(({ outcome }) => outcome);
  };
  const statusOf = async () => (await replica.service.get(campaignId)).status;

  it('pauses the campaign that a firing alert names, and says why in the audit log', async () => {
    expect(await outcomes([alert()])).toEqual(['paused']);
    expect(await statusOf()).toBe('paused');
    expect((await replica.service.events(campaignId)).at(-1)).toMatchObject({
      event: 'paused',
      actor: 'alertmanager',
      reason: 'alert FlotillaErrorLogs: ten times the errors',
      evidence: { alert: { name: 'FlotillaErrorLogs', labels: { severity: 'page' } } },
    });
  });

  it('acts on an alert once, so that a resume stands while it goes on firing', async () => {
    const one = alert();
    await send([one]);
    expect(await outcomes([one])).toEqual(['repeated']);
    world.nowMs += 1000;
    await replica.service.act(campaignId, 'resume', { actor: 'operator', reason: 'known' });
    world.nowMs += 1000;
    expect(await outcomes([one, { ...one, fingerprint: 'beef' }])).toEqual(['repeated', 'stale']);
    expect(await statusOf()).toBe('running');
    // The same alert, that ended and began again.
    const again = alert({ startsAt: new Date(world.nowMs).toISOString() });
    expect(await outcomes([again])).toEqual(['paused']);
    expect(await outcomes([one])).toEqual(['repeated']);
  });

  it('can do nothing but pause', async () => {
    await send([alert()]);
    const resolved = alert({ status: 'resolved', startsAt: new Date(world.nowMs).toISOString() });
    expect(await outcomes([resolved])).toEqual(['resolved']);
    expect(await statusOf()).toBe('paused');
    const other = { labels: { alertname: 'x', flotilla_campaign_id: 'cmp_zzzzzzzzzzzz' } };
    expect(await outcomes([alert(other), alert({ labels: {} })])).toEqual([
      'no_campaign',
      'no_campaign',
    ]);
  });

  it('pauses once when two notifications of it come at the same time', async () => {
    const answers = await Promise.all([outcomes([alert()]), outcomes([alert()])]);
    expect(answers.flat()).toContain('paused');
    const paused = (await replica.service.events(campaignId)).filter(
      ({ event }) => event === 'paused',
    );
    expect(paused).toHaveLength(1);
  });

  it('refuses another token and what is no notification, and changes nothing', async () => {
    expect((await send([alert()], 'operator-token-of-the-tests')).statusCode).toBe(401);
    expect((await send([alert({ startsAt: 'yesterday' })])).statusCode).toBe(400);
    expect((await send([alert({ fingerprint: undefined })])).statusCode).toBe(400);
    expect(await statusOf()).toBe('running');
  });
});
