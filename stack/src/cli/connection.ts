import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { ApiClient } from '../client/api-client.ts';

/** Where ota-service is, and the folder with the operator's token. */
export const CONNECTION_OPTIONS = {
  url: { type: 'string', default: 'http://127.0.0.1:8080' },
  data: { type: 'string', default: process.env.FLOTILLA_DATA_DIR ?? '.flotilla' },
} as const;

export interface Connection {
  readonly url: string;
  readonly data: string;
}

export const keyPath = ({ data }: Connection, name: string): string =>
  join(resolve(data), 'keys', name);

export function connect(connection: Connection): ApiClient {
  const token = readFileSync(keyPath(connection, 'operator.token'), 'utf8').trim();
  return new ApiClient(connection.url, token);
}
