import type { KeyObject } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { ConfigError } from '@flotilla/service';
import { readPrivateKey } from '@flotilla/signing';
import { readMetadata, verifyFirstRoot } from '@flotilla/trust';
import { readWebhookToken } from './alerts-webhook/read-webhook-token.ts';
import type { OtaConfig } from './config.ts';
import { parseOperators } from './http/operators.ts';
import { loadOnlineKeys } from './trust/online-keys.ts';

export interface Secrets {
  /** Text of the root.json that devices are provisioned with. */
  readonly tufRoot: string;
  readonly onlineKeys: readonly KeyObject[];
  readonly deviceTokenKey: KeyObject;
  /** As `parseOperators` reads it. */
  readonly operatorToken: string;
  readonly alertWebhookToken: string | undefined;
}

/** Reads the files that the configuration names; throws ConfigError naming variable and fault. */
export async function loadSecrets(config: OtaConfig): Promise<Secrets> {
  return {
    alertWebhookToken: await readWebhookToken(config.FLOTILLA_ALERT_WEBHOOK_TOKEN_FILE),
    tufRoot: await fromFile(config, 'FLOTILLA_TUF_ROOT_FILE', readRoot),
    onlineKeys: await loadOnlineKeys(config.FLOTILLA_TUF_KEY_DIR),
    deviceTokenKey: await fromFile(config, 'FLOTILLA_DEVICE_TOKEN_KEY_FILE', readPrivateKey),
    operatorToken: await fromFile(config, 'FLOTILLA_OPERATOR_TOKEN_FILE', readOperatorTokens),
  };
}

function readRoot(text: string): string {
  verifyFirstRoot(readMetadata('root', text));
  return text;
}

function readOperatorTokens(text: string): string {
  parseOperators(text);
  return text;
}

type FileVariable = {
  [K in keyof OtaConfig]-?: K extends `${string}_FILE`
    ? undefined extends OtaConfig[K]
      ? never
      : K
    : never;
}[keyof Required<OtaConfig>];

async function fromFile<T>(
  config: OtaConfig,
  variable: FileVariable,
  read: (text: string) => T,
): Promise<T> {
  try {
    return read(await readFile(config[variable], 'utf8'));
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new ConfigError([`${variable}: ${config[variable]}: ${why}`]);
  }
}
