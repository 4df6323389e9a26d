import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tlsPost, type Post } from '@flotilla/otlp-queue';
import { ConfigError, type Logger } from '@flotilla/service';
import { readAccess } from './access-config.ts';
import { DEFAULT_TUNING } from './agent-settings.ts';
import type { AgentConfig } from './config.ts';
import { readClaimKeyFile } from './identity/file-device-key.ts';
import { ProvisionedIdentity } from './provisioning/device-identity.ts';
import { readRootFile } from './trust/root-file.ts';

/** Who this device is and how it reaches the services, however it came by that. */
export interface DeviceAccess {
  readonly deviceId: string;
  readonly model: string;
  readonly token: string | null;
  readonly otaUrl: string;
  readonly collectorUrl: string;
  readonly pinnedRoot: string;
  readonly fetch?: typeof fetch;
  readonly post?: Post;
  /** For good: certificate and keys, or the token. */
  readonly destroy: () => Promise<void>;
  readonly stop: () => Promise<void>;
}

/** Resolves once the device has an identity, which for a new one takes a claim. */
export async function openAccess(
  config: AgentConfig,
  logger: Logger,
  signal: AbortSignal,
): Promise<DeviceAccess> {
  const access = readAccess(config);
  if (access.kind === 'token') {
    const { deviceId, model, otaUrl, collectorUrl, tokenFile, tufRootFile } = access;
    return {
      ...{ deviceId, model, otaUrl, collectorUrl },
      token: readFileSync(tokenFile, 'utf8').trim(),
      pinnedRoot: readRootFile(readFileSync(tufRootFile, 'utf8')),
      ...collectorTls(config, logger),
      destroy: () => rm(tokenFile, { force: true }),
      stop: () => Promise.resolve(),
    };
  }
  const { serial, provisioningUrl, claimKeyFile, serverCaFile } = access;
  const identity = await ProvisionedIdentity.open(
    {
      ...{ serial, provisioningUrl },
      deviceDir: config.FLOTILLA_DEVICE_DIR,
      serverCaPem: readFileSync(serverCaFile, 'utf8'),
      requestTimeoutMs: DEFAULT_TUNING.requestTimeoutMs,
    },
    {
      claimKey: await readClaimKeyFile(claimKeyFile),
      bootId: randomUUID(),
      now: Date.now,
      random: Math.random,
      logger,
    },
    signal,
  );
  identity.start();
  return identityAccess(identity, logger);
}

/** What a claimed identity gives the agent. */
export function identityAccess(identity: ProvisionedIdentity, logger: Logger): DeviceAccess {
  const { deviceId, model, otaUrl, collectorUrl, tufRoot } = identity.configuration;
  return {
    ...{ deviceId, model, otaUrl, collectorUrl },
    token: null,
    pinnedRoot: readRootFile(tufRoot),
    fetch: identity.fetch,
    post: tlsPost(() => identity.clientTls(), logger, Date.now),
    destroy: () => identity.destroy(),
    stop: () => identity.stop(),
  };
}

/** Nothing without TLS files: then the URL's scheme and the system's authorities decide. */
function collectorTls(config: AgentConfig, logger: Logger): { post?: Post } {
  const {
    FLOTILLA_COLLECTOR_CA_FILE: ca,
    FLOTILLA_COLLECTOR_CERT_FILE: cert,
    FLOTILLA_COLLECTOR_KEY_FILE: key,
  } = config;
  if (ca === undefined && cert === undefined) return {};
  const text = (file: string | undefined) =>
    file === undefined ? undefined : readFileSync(file, 'utf8');
  const read = () => ({ ca: text(ca), cert: text(cert), key: text(key) });
  try {
    return { post: tlsPost(read, logger, Date.now) };
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new ConfigError([`FLOTILLA_COLLECTOR_*_FILE: ${why}`]);
  }
}
