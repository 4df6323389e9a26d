import type { KeyObject } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ConfigError } from '@flotilla/service';
import { readPrivateKey } from '@flotilla/signing';

/**
 * Every private key (`*.pem`) of a folder; the root says which of them is for what, so that a new key
 * can lie there before the root names it. Throws ConfigError with the file's name, never its content.
 */
export async function loadOnlineKeys(folder: string): Promise<KeyObject[]> {
  const variable = 'FLOTILLA_TUF_KEY_DIR';
  const names = await readdir(folder).catch((cause: unknown) => {
    const why = cause instanceof Error ? cause.message : 'cannot be read';
    throw new ConfigError([`${variable}: ${why}`]);
  });
  const files = names.filter((name) => name.endsWith('.pem')).map((name) => join(folder, name));
  if (files.length === 0) throw new ConfigError([`${variable}: ${folder} holds no .pem file`]);
  return Promise.all(
    files.map(async (file) => {
      try {
        return readPrivateKey(await readFile(file, 'utf8'));
      } catch (error) {
        const why = error instanceof Error ? error.message : 'cannot be read';
        throw new ConfigError([`${variable}: ${file}: ${why}`]);
      }
    }),
  );
}
