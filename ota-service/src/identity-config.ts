import { readFile } from 'node:fs/promises';
import { isAbsolute } from 'node:path';
import { ConfigError } from '@flotilla/service';
import { z } from 'zod';
import { DEFAULT_LIFETIMES } from './ca/certificate-authority.ts';
import { KeyVault } from './ca/key-vault.ts';
import { parseOperators } from './http/operators.ts';
import type { CaSettings } from './identity-services.ts';

const absolutePath = z.string().refine(isAbsolute, 'must be an absolute path');
const milliseconds = z.coerce.number().int().min(1);
const MIN_PASSPHRASE_CHARACTERS = 16;

/** Environment variables of devices with certificates. */
export const identityEnvironment = {
  /** Opens the authority's keys in the registry; without it devices have tokens alone. */
  FLOTILLA_CA_PASSPHRASE_FILE: absolutePath.optional(),
  /** The device API behind TLS with client certificates; 0 takes any free port. Needs the above. */
  FLOTILLA_DEVICE_TLS_PORT: z.coerce.number().int().min(0).max(65_535).optional(),
  FLOTILLA_DEVICE_TLS_HOST: z.string().min(1).default('127.0.0.1'),
  /** DNS names and addresses that devices reach it by, by commas; the first is told to them. */
  FLOTILLA_DEVICE_TLS_NAMES: z
    .string()
    .default('localhost,127.0.0.1')
    .transform((list) => list.split(',').filter((name) => name !== ''))
    .pipe(z.array(z.string()).min(1)),
  /** Told to a device with its first certificate. Default: where the TLS listener is. */
  FLOTILLA_DEVICE_OTA_URL: z.url({ protocol: /^https$/ }).optional(),
  FLOTILLA_DEVICE_COLLECTOR_URL: z.url({ protocol: /^https$/ }).default('https://localhost:4318'),
  FLOTILLA_DEVICE_CERT_LIFETIME_MS: milliseconds.default(DEFAULT_LIFETIMES.deviceMs),
  /** A token for the collector: it reads the denylist and gets its certificate with it. */
  FLOTILLA_INTERNAL_TOKEN_FILE: absolutePath.optional(),
};

export type IdentityConfig = z.output<z.ZodObject<typeof identityEnvironment>>;

export interface IdentitySettings {
  readonly ca?: CaSettings;
  readonly internalToken?: string;
}

/** Reads the files; `listenerUrl` is asked once the service listens. Throws ConfigError. */
export async function readIdentitySettings(
  config: IdentityConfig,
  listenerUrl: () => string | undefined,
): Promise<IdentitySettings> {
  const { FLOTILLA_CA_PASSPHRASE_FILE: file, FLOTILLA_INTERNAL_TOKEN_FILE: tokenFile } = config;
  if (file === undefined && config.FLOTILLA_DEVICE_TLS_PORT !== undefined) {
    throw new ConfigError(['FLOTILLA_DEVICE_TLS_PORT needs FLOTILLA_CA_PASSPHRASE_FILE']);
  }
  const internalToken =
    tokenFile === undefined ? undefined : await secret('FLOTILLA_INTERNAL_TOKEN_FILE', tokenFile);
  if (internalToken !== undefined) parseOperators(internalToken);
  if (file === undefined) return internalToken === undefined ? {} : { internalToken };
  const passphrase = await secret('FLOTILLA_CA_PASSPHRASE_FILE', file);
  const deviceMs = config.FLOTILLA_DEVICE_CERT_LIFETIME_MS;
  const ca: CaSettings = {
    vault: new KeyVault(passphrase),
    lifetimes: { ...DEFAULT_LIFETIMES, deviceMs },
    otaUrl: () =>
      config.FLOTILLA_DEVICE_OTA_URL ??
      listenerUrl() ??
      `https://${config.FLOTILLA_DEVICE_TLS_NAMES[0] ?? 'localhost'}`,
    collectorUrl: () => config.FLOTILLA_DEVICE_COLLECTOR_URL,
  };
  return { ca, ...(internalToken !== undefined && { internalToken }) };
}

async function secret(variable: string, file: string): Promise<string> {
  try {
    const text = (await readFile(file, 'utf8')).trim();
    if (text.length >= MIN_PASSPHRASE_CHARACTERS) return text;
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new ConfigError([`${variable}: ${file}: ${why}`]);
  }
  const rule = `it must hold ${MIN_PASSPHRASE_CHARACTERS} characters or more`;
  throw new ConfigError([`${variable}: ${file}: ${rule}`]);
}
