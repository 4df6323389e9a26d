import { readFileSync } from 'node:fs';
import { Agent as HttpAgent, request as httpRequest } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import { ConfigError } from '@flotilla/service';
import type { z } from 'zod';
import type { Config } from '../config.ts';

const TIMEOUT_MS = 5000;

/** ota-service's internal API. */
export class IdentityClient {
  readonly #url: string;
  readonly #token: string;
  readonly #agent: HttpAgent;

  private constructor(url: string, token: string, ca: string | undefined) {
    this.#url = url.replace(/\/+$/, '');
    this.#token = token;
    const isTls = url.startsWith('https:');
    this.#agent = isTls
      ? new HttpsAgent({ keepAlive: true, ...(ca !== undefined && { ca }) })
      : new HttpAgent({ keepAlive: true });
  }

  /** Null when none is configured. Throws ConfigError when a part is missing. */
  static open(config: Config): IdentityClient | null {
    const {
      FLOTILLA_IDENTITY_URL: url,
      FLOTILLA_INTERNAL_TOKEN_FILE: tokenFile,
      FLOTILLA_IDENTITY_CA_FILE: caFile,
    } = config;
    if (url === undefined && tokenFile === undefined) return null;
    if (url === undefined || tokenFile === undefined) {
      const names = 'FLOTILLA_IDENTITY_URL and FLOTILLA_INTERNAL_TOKEN_FILE';
      throw new ConfigError([`${names} belong together`]);
    }
    const ca = caFile === undefined ? undefined : readFileSync(caFile, 'utf8');
    return new IdentityClient(url, readFileSync(tokenFile, 'utf8').trim(), ca);
  }

  async getText(path: string): Promise<string> {
    return this.#request('GET', path);
  }

  async get<T extends z.ZodType>(path: string, schema: T): Promise<z.output<T>> {
    return schema.parse(JSON.parse(await this.#request('GET', path)));
  }

  async post<T extends z.ZodType>(path: string, body: unknown, schema: T): Promise<z.output<T>> {
    return schema.parse(JSON.parse(await this.#request('POST', path, JSON.stringify(body))));
  }

  close(): void {
    this.#agent.destroy();
  }

  async #request(method: string, path: string, body?: string): Promise<string> {
    const make = this.#url.startsWith('https:') ? httpsRequest : httpRequest;
    const sent = make(`${this.#url}${path}`, {
      method,
      agent: this.#agent,
      headers: {
        authorization: `Bearer ${this.#token}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    sent.end(body);
    const [response] = (await once(sent, 'response')) as [IncomingMessage];
    sent.on('error', () => undefined);
    const answer = await text(response);
    const { statusCode: status = 0 } = response;
    if (status >= 200 && status < 300) return answer;
    throw new Error(`ota-service answered ${status} to ${method} ${path}: ${answer.slice(0, 500)}`);
  }
}
