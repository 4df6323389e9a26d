import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { alertListSchema, alertWebhookAnswerSchema, type AlertView } from '@flotilla/contracts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { publish } from '../../src/client/publish.ts';
import { buildBundle } from '../../src/firmware/build-bundle.ts';
import { SENSOR_MODEL } from '../../src/firmware/sensor.ts';
import { Shutdown } from '../../src/shutdown.ts';
import { openTheatre, type Theatre } from '../../src/story/theatre.ts';
import { waitUntil } from '../../src/story/wait-until.ts';
import { freePorts } from '../../src/supervisor/free-ports.ts';
import { startAlerting, type Alerting } from './alerting.ts';

const STEP_MS = 90_000;
const DISK_BYTES = 8 * 1024 ** 2;

const answering = `require('node:http').createServer((_, answer) => answer.end('ok'))
  .listen(Number(process.env.PORT), '127.0.0.1');`;

/** Named by our rules and made by Prometheus itself. */
const PROMETHEUS_OWN = new Set(['up']);
const rulesFolder = new URL('../../../alerts/', import.meta.url);

describe('alerts, by a real Prometheus and Alertmanager', () => {
  const shutdown = new Shutdown();
  let theatre: Theatre;
  let alerting: Alerting;
  let disk: string;
  let agentMetrics: string;
  let token: string;

  beforeAll(async () => {
    disk = mkdtempSync(join(tmpdir(), 'flotilla-disk-'));
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${String(DISK_BYTES)}`, 'tmpfs', disk]);
    shutdown.add(() => {
      execFileSync('umount', [disk]);
      rmSync(disk, { recursive: true });
    });
    const [metricsPort = 0] = await freePorts(1);
    agentMetrics = `http://127.0.0.1:${String(metricsPort)}`;
    theatre = await openTheatre(shutdown, {
      say: () => undefined,
      stepTimeoutMs: STEP_MS,
      devices: 1,
      agentSettings: {
        FLOTILLA_MOUNTS: disk,
        FLOTILLA_AGENT_METRICS_PORT: String(metricsPort),
      },
    });
    const { addresses, folder } = theatre;
    token = readFileSync(folder.alertWebhookToken, 'utf8').trim();
    const targets = {
      'ota-service': addresses.console,
      pipeline: addresses.pipeline,
      collector: addresses.collector,
      'device-agent': agentMetrics,
    };
    alerting = await startAlerting(join(folder.root, 'alerting'), targets, {
      url: `${addresses.console}/api/v1/alerts/webhook`,
      tokenFile: folder.alertWebhookToken,
    });
    shutdown.add(() => alerting.stop());
  });
  afterAll(() => shutdown.run());

  const alertsOf = async (query: Record<string, string>): Promise<AlertView[]> => {
    const operator = readFileSync(theatre.folder.operatorToken, 'utf8').trim();
    const url = `${theatre.addresses.console}/api/v1/alerts?${String(new URLSearchParams(query))}`;
    const answer = await fetch(url, { headers: { authorization: `Bearer ${operator}` } });
    return alertListSchema.parse(await answer.json()).items;
  };
  const told = (query: Record<string, string>, name: string, status: AlertView['status']) =>
    waitUntil(`${name} is ${status}`, STEP_MS, async () => {
      const alerts = await alertsOf(query);
      return alerts.find((alert) => alert.name === name && alert.status === status) ?? null;
    });

  const release = async (version: string, program: string) => {
    const manifest = {
      schemaVersion: 1,
      version,
      command: ['node', 'main.cjs'],
      healthPath: '/healthz',
    };
    const artifact = await buildBundle([
      { name: 'bundle.json', content: Buffer.from(JSON.stringify(manifest)) },
      { name: 'main.cjs', content: Buffer.from(program) },
    ]);
    const { api, stage } = theatre;
    return publish(api, { model: SENSOR_MODEL, version, artifact }, stage.targetsKey);
  };

  it('fire when the disk of a device is full, arrive, and clear', async () => {
    const [device] = theatre.members;
    const id = device?.id ?? '';
    await waitUntil('the device is active', STEP_MS, async () => {
      const { lifecycle } = await theatre.api.device(id);
      return lifecycle === 'active' ? true : null;
    });
    const filler = join(disk, 'filler');
    writeFileSync(filler, Buffer.alloc(DISK_BYTES));
    const alert = await told({ device: id }, 'FlotillaDeviceDiskFull', 'firing');
    expect(alert).toMatchObject({ severity: 'critical', deviceId: id });
    expect(alert.summary).toContain('100%');
    expect(await alerting.firing(id)).toContain('FlotillaDeviceDiskFull');
    rmSync(filler);
    await told({ device: id }, 'FlotillaDeviceDiskFull', 'resolved');
  });

  it('name metrics that the running services emit, and no other', async () => {
    const { addresses } = theatre;
    const emitted = new Set(PROMETHEUS_OWN);
    for (const base of [addresses.console, addresses.pipeline, addresses.collector, agentMetrics]) {
      const text = await (await fetch(`${base}/metrics`)).text();
      for (const [, name = '', type] of text.matchAll(/^# TYPE (\S+) (\w+)$/gm)) {
        emitted.add(name);
        if (type === 'histogram')
          for (const part of ['bucket', 'count', 'sum']) emitted.add(`${name}_${part}`);
      }
    }
    const rules = readdirSync(rulesFolder).filter((file) => file.endsWith('.rules.yml'));
    const named = new Set<string>();
    for (const file of rules) {
      const text = readFileSync(new URL(file, rulesFolder), 'utf8');
      for (const [, expression = ''] of text.matchAll(/expr: >-\n((?: {10,}.*\n)+)/g)) {
        for (const [name] of expression
          .replaceAll(/\b(?:by|on|group_left) \([^)]*\)/g, '')
          .matchAll(/(?<![:\w])(flotilla_\w+|up)\b(?!:)/g))
          named.add(name);
      }
    }
    expect(named.size).toBeGreaterThan(30);
    const missing = [...named].filter((name) => !emitted.has(name));
    // A gateway runs beside the devices of a site, and is no part of this stack.
    expect(missing.filter((name) => !name.startsWith('flotilla_gateway_'))).toEqual([]);
  });

  it('pause the campaign whose canary fails; forged and replayed notifications do nothing', async () => {
    const { api, addresses, members } = theatre;
    const good = await release('1.0.0', answering);
    const first = await api.createCampaign({
      name: 'first',
      firmwareId: good.id,
      phases: [{ percent: 100 }],
    });
    await waitUntil('the first firmware is confirmed', STEP_MS, async () =>
      (await api.campaign(first.id)).status === 'completed' ? true : null,
    );
    // Three devices that are switched off leave the canary's phase open, and its gate waiting.
    for (const name of ['off-1', 'off-2', 'off-3']) {
      const { token: device } = await api.createDevice({
        id: name,
        model: SENSOR_MODEL,
        group: members[0]?.group ?? '',
      });
      const answer = await fetch(`${addresses.console}/device/v1/poll`, {
        method: 'POST',
        headers: { authorization: `Bearer ${device}`, 'content-type': 'application/json' },
        body: JSON.stringify({ runningVersion: '1.0.0', runningSha256: good.sha256 }),
      });
      expect(answer.status).toBe(200);
    }
    const bad = await release('1.0.1', 'process.exit(7);');
    const { id } = await api.createCampaign({
      name: 'bad',
      firmwareId: bad.id,
      phases: [{ percent: 100 }],
    });
    const alert = await told({ campaign: id }, 'FlotillaCampaignErrorRateHigh', 'firing');
    const paused = await waitUntil('the campaign is paused', STEP_MS, async () => {
      const view = await api.campaign(id);
      return view.status === 'paused' ? view : null;
    });
    expect(paused.phases[0]?.counts).toMatchObject({ rolledBack: 1, failed: 0 });
    const events = await api.campaignEvents(id);
    expect(events.find(({ event }) => /paused/.test(event))).toMatchObject({
      event: 'paused',
      actor: 'alertmanager',
    });

    const replayed = {
      version: '4',
      alerts: [
        {
          status: 'firing',
          labels: alert.labels,
          startsAt: alert.startsAt,
          fingerprint: alert.fingerprint,
        },
      ],
    };
    const send = (bearer: string) =>
      fetch(`${addresses.console}/api/v1/alerts/webhook`, {
        method: 'POST',
        headers: { authorization: `Bearer ${bearer}`, 'content-type': 'application/json' },
        body: JSON.stringify(replayed),
      });
    await api.act(id, 'resume', 'the cause was elsewhere');
    expect((await send('not-the-token-of-alertmanager')).status).toBe(401);
    const answer = alertWebhookAnswerSchema.parse(await (await send(token)).json());
    expect(['repeated', 'stale']).toContain(answer.results[0]?.outcome);
  });
});
