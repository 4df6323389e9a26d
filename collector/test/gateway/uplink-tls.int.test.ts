import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { TOPIC_LOGS } from '@flotilla/contracts';
import { createLogger, loadConfig, type RunningService } from '@flotilla/service';
import { issueDeviceToken, readPrivateKey } from '@flotilla/signing';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { configSchema } from '../../src/config.ts';
import { configSchema as gatewaySchema } from '../../src/gateway/config.ts';
import { startGateway } from '../../src/gateway/start-gateway.ts';
import { startCollector } from '../../src/start-collector.ts';
import { issue, newAuthority } from '../testing/certificates.ts';
import { CollectorFolder, privateKeyPem } from '../testing/collector-harness.ts';
import { LocalAgent, logOf } from './testing/agent-requests.ts';

const silent = createLogger('test', 'silent');

let folder: CollectorFolder;
let cloud: RunningService;
beforeEach(async () => {
  folder = await CollectorFolder.create();
  const authority = await newAuthority();
  const server = await issue(authority, 'localhost', [{ type: 'ip', value: '127.0.0.1' }]);
  const gateway = await issue(authority, 'gateway-1');
  const identity = { deviceId: 'gateway-1', model: 'g', group: 'g', gatewayFor: ['device-*'] };
  await Promise.all(
    Object.entries({
      ca: authority.certificate.toString('pem'),
      'server.cert': server.cert,
      'server.key': server.key,
      'gateway.cert': gateway.cert,
      'gateway.key': gateway.key,
      token: await issueDeviceToken(identity, readPrivateKey(privateKeyPem), Date.now()),
    }).map(([name, text]) => writeFile(join(folder.path, name), text)),
  );
  const config = loadConfig(configSchema, {
    ...folder.environment,
    FLOTILLA_TLS_CERT_FILE: join(folder.path, 'server.cert'),
    FLOTILLA_TLS_KEY_FILE: join(folder.path, 'server.key'),
    FLOTILLA_TLS_CLIENT_CA_FILE: join(folder.path, 'ca'),
    FLOTILLA_TLS_CLIENT_CERT: 'required',
  });
  cloud = await startCollector(config, silent);
});
afterEach(async () => {
  await cloud.stop();
  await folder.remove();
});

function start(environment: Readonly<Record<string, string>>): Promise<RunningService> {
  const config = loadConfig(gatewaySchema, {
    FLOTILLA_COLLECTOR_PORT: '0',
    FLOTILLA_COLLECTOR_GRPC_PORT: '0',
    FLOTILLA_GATEWAY_HTTP_PORT: '0',
    FLOTILLA_DEVICE_TOKEN_PUBLIC_KEY_FILE: join(folder.path, 'key.pem'),
    FLOTILLA_GATEWAY_DATA_DIR: join(folder.path, 'gateway'),
    FLOTILLA_GATEWAY_COLLECTOR_URL: cloud.addresses['otlp']!,
    FLOTILLA_GATEWAY_TOKEN_FILE: join(folder.path, 'token'),
    ...environment,
  });
  return startGateway(config, silent);
}

it('forwards to a collector that demands a certificate of its own authority', async () => {
  const gateway = await start({
    FLOTILLA_GATEWAY_COLLECTOR_CA_FILE: join(folder.path, 'ca'),
    FLOTILLA_GATEWAY_COLLECTOR_CERT_FILE: join(folder.path, 'gateway.cert'),
    FLOTILLA_GATEWAY_COLLECTOR_KEY_FILE: join(folder.path, 'gateway.key'),
  });
  try {
    const agent = new LocalAgent('device-1', 'protobuf');
    await agent.send(gateway.addresses, 'logs', logOf('device-1', Date.now(), 'a'), 'batch-1');
    await vi.waitFor(async () => expect(await folder.readLog(TOPIC_LOGS)).toHaveLength(1), {
      timeout: 30_000,
      interval: 50,
    });
  } finally {
    await gateway.stop();
  }
});

it('refuses half a configuration', async () => {
  const cert = { FLOTILLA_GATEWAY_COLLECTOR_CERT_FILE: join(folder.path, 'gateway.cert') };
  await expect(start(cert)).rejects.toThrow('belong together');
  const ca = { FLOTILLA_GATEWAY_COLLECTOR_CA_FILE: join(folder.path, 'ca') };
  const plain = { FLOTILLA_GATEWAY_COLLECTOR_URL: 'http://127.0.0.1:1' };
  await expect(start({ ...ca, ...plain })).rejects.toThrow('must be https');
});
