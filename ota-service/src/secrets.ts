import type { KeyObject } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { ConfigError } from '@flotilla/service';
import { readPrivateKey, readPublicKey } from '@flotilla/signing';
import type { OtaConfig } from './config.ts';

export interface Secrets {
  readonly releaseKeys: readonly KeyObject[];
  readonly deviceTokenKey: KeyObject;
  readonly operatorToken: string;
}

const MIN_TOKEN_LENGTH = 16;

/** Reads the files that the configuration names; throws ConfigError naming variable and fault. */
export async function loadSecrets(config: OtaConfig): Promise<Secrets> {
  return {
    releaseKeys: await fromFile(config, 'FLOTILLA_RELEASE_KEY_FILE', readReleaseKeys),
    deviceTokenKey: await fromFile(config, 'FLOTILLA_DEVICE_TOKEN_KEY_FILE', readPrivateKey),
    operatorToken: await fromFile(config, 'FLOTILLA_OPERATOR_TOKEN_FILE', readOperatorToken),
  };
}

/** A private key here would be a key at the wrong place, so it is refused, not reduced. */
function readReleaseKeys(text: string): KeyObject[] {
  if (text.includes('PRIVATE KEY'))
    throw new Error('it holds a private key; give public keys only');
  const blocks = text.match(/-----BEGIN PUBLIC KEY-----[^-]+-----END PUBLIC KEY-----/g) ?? [];
  if (blocks.length === 0) throw new Error('it holds no PEM public key');
  return blocks.map(readPublicKey);
}

function readOperatorToken(text: string): string {
  const token = text.trim();
  if (!/^[A-Za-z0-9._~+/-]+=*$/.test(token) || token.length < MIN_TOKEN_LENGTH) {
    throw new Error(`it must hold ${MIN_TOKEN_LENGTH} or more of A-Z a-z 0-9 . _ ~ + / -`);
  }
  return token;
}

type FileVariable = {
  [K in keyof OtaConfig]-?: K extends `${string}_FILE` ? K : never;
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
