import { readFile } from 'node:fs/promises';
import { ConfigError } from '@flotilla/service';

/** A bearer token (RFC 6750, 2.1) that nobody guesses. */
const TOKEN = /^[A-Za-z0-9._~+/-]{16,}=*$/;

/** Without a file there is no webhook. Throws ConfigError for a file that cannot be read or holds no token. */
export async function readWebhookToken(file: string | undefined): Promise<string | undefined> {
  if (file === undefined) return undefined;
  const fault = (why: string): ConfigError =>
    new ConfigError([`FLOTILLA_ALERT_WEBHOOK_TOKEN_FILE: ${file}: ${why}`]);
  let token: string;
  try {
    token = (await readFile(file, 'utf8')).trim();
  } catch (error) {
    throw fault(error instanceof Error ? error.message : String(error));
  }
  if (!TOKEN.test(token)) throw fault('it must hold 16 or more of A-Z a-z 0-9 . _ ~ + / -');
  return token;
}
