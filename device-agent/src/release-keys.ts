import type { KeyObject } from 'node:crypto';
import { ConfigError } from '@flotilla/service';
import { readPublicKey } from '@flotilla/signing';

const PEM_BLOCK = /-----BEGIN [A-Z ]+-----[\s\S]*?-----END [A-Z ]+-----/g;

/** The release keys of a PEM file that holds one or several; throws ConfigError without any. */
export function readReleaseKeys(pem: string): KeyObject[] {
  const blocks = pem.match(PEM_BLOCK) ?? [];
  if (blocks.length === 0) {
    throw new ConfigError(['FLOTILLA_RELEASE_KEY_FILE: holds no PEM public key']);
  }
  return blocks.map((block) => readPublicKey(block));
}
