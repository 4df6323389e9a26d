import { createPrivateKey, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { request as httpsRequest } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { DeviceLifecycle, PollResponse, QuarantineView } from '@flotilla/contracts';
import { createLogger, loadConfig, type RunningService } from '@flotilla/service';
import { configSchema as collectorSchema } from '../../../collector/src/config.ts';
import { startCollector } from '../../../collector/src/start-collector.ts';
import { logsRequest } from '../../../collector/test/testing/otlp-requests.ts';
import type { ProvisionedIdentity } from '../../../device-agent/src/provisioning/device-identity.ts';
import {
  INTERNAL_TOKEN,
  OPERATOR_TOKEN,
  startHarness,
  type OtaHarness,
} from '../../../ota-service/src/testing/ota-harness.ts';
import { boot, Factory, type BootOptions, type MadeDevice } from './factory.ts';

const DAY_MS = 86_400_000;
const MODEL = 'sensor-x1';
const NOTHING = { runningVersion: null, runningSha256: null };

let folder: string;
let ota: OtaHarness;
let collector: RunningService;
let factory: Factory;
/** Of the devices' clocks: TLS itself goes by the machine's, so certificates are made by that. */
let skewMs: number;
let known: BootOptions;
const identities: ProvisionedIdentity[] = [];

beforeEach(async () => {
  skewMs = 0;
  folder = await mkdtemp(join(tmpdir(), 'flotilla-zero-touch-'));
  factory = new Factory(join(folder, 'devices'));
  ota = await startHarness({
    collectorUrl: () => collector.addresses['otlp'] ?? '',
  });
  const { url } = await ota.listenTls();
  collector = await startCollectorBeside(ota);
  const serverCaPem = await (await fetch(`${ota.url}/pki/v1/trust-bundle.pem`)).text();
  known = { provisioningUrl: url, serverCaPem, now: () => Date.now() + skewMs };
});

afterEach(async () => {
  for (const identity of identities.splice(0)) await identity.stop();
  await collector.stop();
  await ota.close();
  await rm(folder, { recursive: true, force: true });
});

async function startCollectorBeside(harness: OtaHarness): Promise<RunningService> {
  const keyFile = join(folder, 'token.pub.pem');
  const tokenFile = join(folder, 'internal.token');
  await writeFile(keyFile, harness.deviceKeys.publicKeyPem);
  await writeFile(tokenFile, INTERNAL_TOKEN);
  const config = loadConfig(collectorSchema, {
    FLOTILLA_COLLECTOR_PORT: '0',
    FLOTILLA_COLLECTOR_GRPC_PORT: '0',
    FLOTILLA_EVENT_LOG: `sqlite:${join(folder, 'log.db')}`,
    FLOTILLA_DEVICE_TOKEN_PUBLIC_KEY_FILE: keyFile,
    FLOTILLA_IDENTITY_URL: harness.url,
    FLOTILLA_INTERNAL_TOKEN_FILE: tokenFile,
    FLOTILLA_TLS_NAMES: 'localhost,127.0.0.1',
    FLOTILLA_TLS_CLIENT_CERT: 'required',
  });
  return startCollector(config, createLogger('test', 'silent'));
}

async function ok<T>(answer: Response): Promise<T> {
  if (!answer.ok) throw new Error(await answer.text());
  return (await answer.json()) as T;
}

/** What operators do, once: key, manifest and rule. */
async function announce(rule: Record<string, unknown> = {}): Promise<void> {
  const manufacturer = { name: 'acme', publicKeyPem: factory.publicKeyPem };
  await ok(await ota.operator('POST', '/api/v1/provisioning/manufacturers', manufacturer));
  const { body, signature } = factory.manifest();
  const query = new URLSearchParams({ manufacturer: 'acme', format: 'jsonl', signature });
  const uploaded = await fetch(`${ota.url}/api/v1/provisioning/manifests?${query}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${OPERATOR_TOKEN}`, 'content-type': 'application/jsonl' },
    body,
  });
  await ok(uploaded);
  const all = { name: 'all', group: 'berlin', labels: { site: 'berlin' }, ...rule };
  await ok(await ota.operator('POST', '/api/v1/provisioning/rules', all));
}

async function started(device: MadeDevice): Promise<ProvisionedIdentity> {
  const identity = await boot(device, known);
  identities.push(identity);
  return identity;
}

function poll(identity: ProvisionedIdentity, asked: object = NOTHING): Promise<Response> {
  return identity.fetch(`${identity.configuration.otaUrl}/device/v1/poll`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(asked),
  });
}

/** One request of telemetry over TLS, on this connection. */
async function sendLogs(identity: ProvisionedIdentity, socket?: TLSSocket): Promise<number> {
  const { collectorUrl, deviceId } = identity.configuration;
  const sent = httpsRequest(`${collectorUrl}/v1/logs`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-protobuf' },
    ...(socket === undefined ? { ...identity.clientTls(), agent: false } : {}),
    ...(socket !== undefined && { createConnection: () => socket, agent: false }),
  });
  sent.end(logsRequest({ 'device.id': deviceId }));
  const [response] = (await once(sent, 'response')) as [{ statusCode: number; resume(): void }];
  response.resume();
  return response.statusCode;
}

async function openSocket(identity: ProvisionedIdentity, url: string): Promise<TLSSocket> {
  const { hostname, port } = new URL(url);
  const socket = connectTls({
    ...identity.clientTls(),
    host: hostname,
    port: Number(port),
    ...(hostname === 'localhost' && { servername: 'localhost' }),
  });
  await once(socket, 'secureConnect');
  return socket;
}

async function quarantine(): Promise<QuarantineView[]> {
  const path = '/api/v1/provisioning/quarantine?open=true';
  return (await ok<{ items: QuarantineView[] }>(await ota.operator('GET', path))).items;
}

const resolve = (id: string, resolution: string) =>
  ota.operator('POST', `/api/v1/provisioning/quarantine/${id}/resolution`, {
    resolution,
    reason: 'looked at it',
  });

describe('zero-touch provisioning', () => {
  it('lets fifty fresh agents in over mTLS with nobody touching them', async () => {
    const serials = Array.from({ length: 50 }, (_, i) => `sn-${String(i).padStart(3, '0')}`);
    const devices = await Promise.all(serials.map((serial) => factory.make(serial, MODEL)));
    const stranger = await factory.make('sn-stranger', MODEL, false);
    const firmware = await ota.publish(MODEL, '1.0.0', Buffer.from('first firmware'), {
      format: 'image',
    });
    await announce({ model: MODEL, firstFirmwareId: firmware.id });

    const fleet = await Promise.all(devices.map(started));
    for (const identity of fleet) {
      expect(identity.configuration).toMatchObject({ group: 'berlin', labels: { site: 'berlin' } });
    }
    const offers = await Promise.all(fleet.map(async (one) => ok<PollResponse>(await poll(one))));
    expect(new Set(offers.map(({ deployment }) => deployment?.target))).toEqual(
      new Set([`${MODEL}/1.0.0`]),
    );
    const running = { runningVersion: '1.0.0', runningSha256: firmware.sha256 };
    for (const identity of fleet) await ok(await poll(identity, running));
    const rows = await ota.database.selectFrom('devices').selectAll().execute();
    expect(rows.map((row) => row.id).sort()).toEqual(serials);
    expect(new Set(rows.map((row) => `${row.lifecycle} ${row.group_name}`))).toEqual(
      new Set(['active berlin']),
    );
    expect(await Promise.all(fleet.slice(0, 5).map((one) => sendLogs(one)))).toEqual(
      Array<number>(5).fill(200),
    );

    // One that nobody made stays outside, and is seen.
    const patience = new AbortController();
    const knocking = boot(stranger, { ...known, signal: patience.signal });
    await vi.waitFor(async () => {
      expect(await quarantine()).toMatchObject([{ kind: 'unknown_serial', serial: 'sn-stranger' }]);
    });
    patience.abort();
    await expect(knocking).rejects.toThrow();
    expect(await ota.database.selectFrom('devices').selectAll().execute()).toHaveLength(50);
  });

  it('renews certificates twice by themselves, and claims again after a long time away', async () => {
    const device = await factory.make('sn-1', MODEL);
    await announce();
    const identity = await started(device);
    const serialNumber = () => new X509Certificate(identity.clientTls().cert).serialNumber;
    const seen = new Set([serialNumber()]);
    for (let round = 1; round <= 2; round += 1) {
      skewMs = 0;
      expect(await identity.renewIfDue()).toBeGreaterThan(0);
      skewMs = 21 * DAY_MS;
      expect(await identity.renewIfDue()).toBe(0);
      seen.add(serialNumber());
      expect((await poll(identity)).status).toBe(200);
    }
    expect(seen.size).toBe(3);

    // It is off while its certificate runs out; then it boots from what it has on disk.
    await identity.stop();
    skewMs = 200 * DAY_MS;
    const back = await started(device);
    seen.add(new X509Certificate(back.clientTls().cert).serialNumber);
    expect(seen.size).toBe(4);
    expect((await poll(back)).status).toBe(200);
    expect(await quarantine()).toEqual([]);
  });

  it('goes on through rotations of intermediate and root', async () => {
    const [before, after] = [await factory.make('sn-1', MODEL), await factory.make('sn-2', MODEL)];
    await announce();
    const identity = await started(before);
    const kept = await openSocket(identity, identity.configuration.otaUrl);
    await ok(await ota.operator('POST', '/api/v1/ca/rotations', { authority: 'intermediate' }));
    expect((await poll(identity)).status).toBe(200);
    const rotation = { authority: 'root', overlapMs: 0 };
    await ok(await ota.operator('POST', '/api/v1/ca/rotations', rotation));
    await ota.identity.authority!.ca.settle();
    await (await ota.listenTls()).renew();

    // A new device that knows the old root only, and the old device with its old certificate.
    const fresh = await started(after);
    expect((await poll(fresh)).status).toBe(200);
    expect((await poll(identity)).status).toBe(200);
    const again = await openSocket(identity, identity.configuration.otaUrl);
    await vi.waitFor(async () => expect(await sendLogs(fresh)).toBe(200), 20_000);
    expect(await sendLogs(identity)).toBe(200);
    skewMs = 21 * DAY_MS;
    expect(await identity.renewIfDue()).toBe(0);
    expect((await poll(identity)).status).toBe(200);
    expect(kept.destroyed).toBe(false);
    kept.destroy();
    again.destroy();
  });

  it('cuts a cloned identity off everywhere, until an operator gives it anew', async () => {
    const device = await factory.make('sn-1', MODEL);
    await announce();
    const genuine = await started(device);
    await ok(await poll(genuine));
    const copy = { ...device, folder: join(folder, 'copy') };
    await cp(device.folder, copy.folder, { recursive: true });
    const clone = await started(copy);
    await ok(await poll(clone));
    // A run that was thought to be over is heard again.
    await poll(genuine).catch(() => undefined);
    await vi.waitFor(async () => {
      expect(await quarantine()).toMatchObject([{ kind: 'clone', serial: 'sn-1' }]);
    });
    for (const identity of [genuine, clone]) await expect(poll(identity)).rejects.toThrow();
    await vi.waitFor(async () => {
      await expect(sendLogs(clone)).rejects.toThrow();
    }, 5000);
    const [entry] = await quarantine();
    expect((await resolve(entry!.id, 'reissue')).status).toBe(200);
    expect((await resolve(entry!.id, 'release')).status).toBe(409);

    // Both certificates are dead for good; whoever claims next is the device.
    for (const identity of [genuine, clone]) await expect(poll(identity)).rejects.toThrow();
    await genuine.stop();
    await rm(join(device.folder, 'identity'), { recursive: true });
    const renewed = await started(device);
    expect((await poll(renewed)).status).toBe(200);
  });

  it('holds a second claim with another device key, and leaves the first alone', async () => {
    const device = await factory.make('sn-1', MODEL);
    await announce();
    const first = await started(device);
    const twin = { ...device, folder: join(folder, 'twin') };
    await cp(device.folder, twin.folder, { recursive: true });
    await rm(join(twin.folder, 'identity'), { recursive: true });
    const patience = new AbortController();
    const second = boot(twin, { ...known, signal: patience.signal });
    await vi.waitFor(async () => {
      expect(await quarantine()).toMatchObject([{ kind: 'duplicate_claim', serial: 'sn-1' }]);
    });
    expect((await poll(first)).status).toBe(200);
    patience.abort();
    await expect(second).rejects.toThrow();
  });
});

describe('a decommissioned device', () => {
  it('is cut off within five seconds on open connections, and leaves no credential', async () => {
    const device = await factory.make('sn-1', MODEL);
    const other = await factory.make('sn-2', MODEL);
    await announce();
    const [leaving, staying] = [await started(device), await started(other)];
    await ok(await poll(leaving));
    const { otaUrl, collectorUrl } = leaving.configuration;
    const open = [await openSocket(leaving, otaUrl), await openSocket(leaving, collectorUrl)];
    const closed = open.map((socket) => once(socket, 'close'));
    expect(await sendLogs(leaving)).toBe(200);
    await ok(await poll(staying));
    const claimKey = await ota.database
      .selectFrom('manifest_devices')
      .select('claim_key')
      .where('serial', '=', 'sn-1')
      .executeTakeFirstOrThrow();

    const retired = await ok<DeviceLifecycle>(
      await ota.operator('POST', '/api/v1/devices/sn-1/lifecycle', {
        to: 'retired',
        reason: 'end of life',
      }),
    );
    expect(retired.lifecycle).toBe('retired');
    const cutOff = performance.now();
    await Promise.all(closed);
    expect(performance.now() - cutOff).toBeLessThan(5000);

    // New connections: telemetry ends at the handshake, ota-service has one thing to say.
    await expect(sendLogs(leaving)).rejects.toThrow();
    const order = await ok<PollResponse>(await poll(leaving));
    expect(order).toMatchObject({ deployment: null, decommission: { order: 'wipe' } });
    const metadata = await leaving.fetch(`${otaUrl}/device/v1/tuf/timestamp.json`);
    expect(metadata.status).toBe(403);
    await expect(leaving.renewIfDue()).resolves.not.toBe(0);

    const done = await leaving.fetch(`${otaUrl}/device/v1/decommission`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ done: 'wiped' }),
    });
    expect(done.status).toBe(204);
    await vi.waitFor(async () => {
      const path = '/api/v1/devices/sn-1/lifecycle';
      const { decommission } = await ok<DeviceLifecycle>(await ota.operator('GET', path));
      expect(decommission).toMatchObject({ step: 'done', wipe: 'acknowledged' });
      expect(decommission!.steps.map(({ step }) => step)).toEqual([
        'drain',
        'revoke',
        'remove_credentials',
        'wipe',
        'settle_data',
      ]);
    }, 20_000);
    await expect(poll(leaving)).rejects.toThrow();
    expect((await poll(staying)).status).toBe(200);
    expect(await sendLogs(staying)).toBe(200);

    await leaving.destroy();
    await expectNoCredentials(device, claimKey.claim_key!, leaving.clientTls().cert);
    await expect(boot(device, known)).rejects.toThrow();
  });

  it('hands its telemetry in first when it is given the time', async () => {
    const device = await factory.make('sn-1', MODEL);
    await announce();
    const leaving = await started(device);
    // Idle polls come from memory; the order must not wait for that to be over.
    await ok(await poll(leaving));
    await ota.operator('POST', '/api/v1/devices/sn-1/lifecycle', {
      to: 'retired',
      reason: 'end of life',
      decommission: { drainMs: 600_000 },
    });
    await vi.waitFor(async () => {
      const { decommission } = await ok<PollResponse>(await poll(leaving));
      expect(decommission).toEqual({ order: 'drain' });
    }, 5000);
    expect(await sendLogs(leaving)).toBe(200);
    await leaving.fetch(`${leaving.configuration.otaUrl}/device/v1/decommission`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ done: 'drained' }),
    });
    await vi.waitFor(() => expect(sendLogs(leaving)).rejects.toThrow(), 5000);
    await vi.waitFor(async () => {
      const { decommission } = await ok<PollResponse>(await poll(leaving));
      expect(decommission).toEqual({ order: 'wipe' });
    }, 5000);
  });
});

/** Searches every table of the registry and every file of the device for what would let it in. */
async function expectNoCredentials(
  device: MadeDevice,
  claimKey: string,
  certificatePem: string,
): Promise<void> {
  const certificate = new X509Certificate(certificatePem);
  const spki = certificate.publicKey.export({ type: 'spki', format: 'der' }).toString('base64');
  const body = certificate.raw.toString('base64').slice(0, 200);
  const secrets = [claimKey, spki, body, spki.slice(-60)];
  const tables = await ota.database.introspection.getTables();
  let searched = 0;
  for (const { name } of tables) {
    const rows = await ota.database
      .selectFrom(name as 'devices')
      .selectAll()
      .execute();
    const text = JSON.stringify(rows).replaceAll(/\\n/g, '');
    searched += rows.length;
    for (const secret of secrets) expect(text.includes(secret), `${name}: ${secret}`).toBe(false);
  }
  expect(searched).toBeGreaterThan(10);
  const files = await readdir(device.folder, { recursive: true, withFileTypes: true });
  for (const file of files.filter((entry) => entry.isFile())) {
    const content = await readFile(join(file.parentPath, file.name), 'utf8');
    expect(() => createPrivateKey(content), file.name).toThrow();
    expect(content).not.toContain('BEGIN CERTIFICATE');
  }
}
