import { writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { join } from 'node:path';
import { credentials, makeGenericClientConstructor, Metadata, status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLogger, loadConfig, type RunningService } from '@flotilla/service';
import { configSchema } from '../../src/config.ts';
import { SIGNALS } from '../../src/receive/export-request.ts';
import { startCollector } from '../../src/start-collector.ts';
import { issue, newAuthority, type Authority, type Identity } from '../testing/certificates.ts';
import { CollectorFolder, tokenFor } from '../testing/collector-harness.ts';
import { metricsRequest } from '../testing/otlp-requests.ts';

const DEVICE = 'device-7';
const BODY = metricsRequest({ 'device.id': DEVICE });

let folder: CollectorFolder;
let authority: Authority;
let service: RunningService;
/** Another collector, where no token is enough. */
let strict: RunningService;
let device: Identity;
let byName: Identity;
let stranger: Identity;

beforeAll(async () => {
  folder = await CollectorFolder.create();
  authority = await newAuthority();
  const server = await issue(authority, 'localhost', [{ type: 'ip', value: '127.0.0.1' }]);
  device = await issue(authority, 'any', [{ type: 'url', value: `urn:flotilla:device:${DEVICE}` }]);
  byName = await issue(authority, DEVICE);
  stranger = await issue(await newAuthority(), DEVICE);
  const files = { cert: server.cert, key: server.key, ca: authority.certificate.toString('pem') };
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder.path, name), text);
  const environment = {
    ...folder.environment,
    FLOTILLA_TLS_CERT_FILE: join(folder.path, 'cert'),
    FLOTILLA_TLS_KEY_FILE: join(folder.path, 'key'),
    FLOTILLA_TLS_CLIENT_CA_FILE: join(folder.path, 'ca'),
  };
  const start = (more: Record<string, string> = {}) =>
    startCollector(
      loadConfig(configSchema, { ...environment, ...more }),
      createLogger('collector', 'silent'),
    );
  service = await start();
  strict = await start({ FLOTILLA_TLS_CLIENT_CERT: 'required' });
});
afterAll(async () => {
  await service.stop();
  await strict.stop();
  await folder.remove();
});

/** Status of an OTLP/HTTP request, or the code of a connection that was refused. */
function post(
  identity: Identity | null,
  token?: string,
  to: RunningService = service,
): Promise<number | string> {
  return new Promise((resolve) => {
    const sent = request(
      `${to.addresses['otlp']!}/v1/metrics`,
      {
        method: 'POST',
        ca: authority.certificate.toString('pem'),
        agent: false,
        ...identity,
        headers: {
          'content-type': 'application/x-protobuf',
          ...(token !== undefined && { authorization: `Bearer ${token}` }),
        },
      },
      (response) => {
        response.resume();
        resolve(response.statusCode!);
      },
    );
    sent.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    sent.end(BODY);
  });
}

describe('a client certificate over OTLP/HTTP', () => {
  it('names the device by its SAN, else by its common name', async () => {
    expect(await post(device)).toBe(200);
    expect(await post(byName)).toBe(200);
  });

  it('must agree with a token that comes with it', async () => {
    expect(await post(device, await tokenFor(DEVICE))).toBe(200);
    expect(await post(device, await tokenFor('device-8'))).toBe(403);
  });

  it('may be left out for a token, and not both', async () => {
    expect(await post(null, await tokenFor(DEVICE))).toBe(200);
    expect(await post(null)).toBe(401);
  });

  it('is demanded of everybody where the collector requires one', async () => {
    expect(await post(device, undefined, strict)).toBe(200);
    expect(await post(device, await tokenFor(DEVICE), strict)).toBe(200);
    expect(await post(null, await tokenFor(DEVICE), strict)).toBe(401);
  });

  it('of another authority ends the connection, whatever the token', async () => {
    expect(await post(stranger, await tokenFor(DEVICE))).toBe('ECONNRESET');
  });
});

describe('a client certificate over OTLP/gRPC', () => {
  const call = async (
    identity: Identity | null,
    { to = service, token = '' } = {},
  ): Promise<status> => {
    const [ca, key, cert] = [
      authority.certificate.toString('pem'),
      identity?.key,
      identity?.cert,
    ].map((pem) => (pem === undefined ? null : Buffer.from(pem)));
    const address = to.addresses['otlpGrpc']!.slice('https://'.length);
    const Client = makeGenericClientConstructor({}, 'otlp');
    const client = new Client(address, credentials.createSsl(ca, key, cert));
    const same = (bytes: Buffer) => bytes;
    const metadata = new Metadata();
    if (token !== '') metadata.set('authorization', `Bearer ${token}`);
    try {
      return await new Promise((resolve) => {
        const path = SIGNALS[0]!.grpcMethod;
        const options = { deadline: Date.now() + 20_000 };
        client.makeUnaryRequest(path, same, same, BODY, metadata, options, (error) =>
          resolve(error === null ? status.OK : error.code),
        );
      });
    } finally {
      client.close();
    }
  };

  it('names the device; without one and without a token nobody is known', async () => {
    expect(await call(device)).toBe(status.OK);
    expect(await call(null)).toBe(status.UNAUTHENTICATED);
  });

  it('must agree with a token that comes with it', async () => {
    expect(await call(device, { token: await tokenFor(DEVICE) })).toBe(status.OK);
    expect(await call(device, { token: await tokenFor('device-8') })).toBe(
      status.PERMISSION_DENIED,
    );
  });

  it('is demanded of everybody where the collector requires one', async () => {
    expect(await call(device, { to: strict })).toBe(status.OK);
    expect(await call(null, { to: strict, token: await tokenFor(DEVICE) })).toBe(
      status.UNAUTHENTICATED,
    );
  });

  it('of another authority never gets through', async () => {
    expect(await call(stranger)).toBe(status.UNAVAILABLE);
  });
});
