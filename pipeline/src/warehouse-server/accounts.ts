import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { BadQueryRequestError } from '../warehouse/http-request.ts';

export interface Account {
  readonly user: string;
  readonly password: string;
  /** A writer may do all the engine grants; a reader only what the read-only endpoint lets through. */
  readonly role: 'writer' | 'reader';
}

interface Credentials {
  readonly user: string;
  readonly password: string;
}

/** Who asks. Throws ClickHouse's AUTHENTICATION_FAILED when no account fits. */
export function authenticate(accounts: readonly Account[], request: IncomingMessage): Account {
  const given = credentialsOf(request);
  // Every account is compared, so that the time taken tells nothing about which users there are.
  const found = accounts.filter(
    (account) =>
      Number(isSame(account.user, given.user)) & Number(isSame(account.password, given.password)),
  );
  const [account] = found;
  if (account === undefined) {
    throw new BadQueryRequestError(
      401,
      516,
      'AUTHENTICATION_FAILED',
      `${printable(given.user)}: Authentication failed: password is incorrect, or there is no user with such name`,
    );
  }
  return account;
}

/** In ClickHouse's order: its own headers, HTTP basic authentication, then the URL. */
function credentialsOf(request: IncomingMessage): Credentials {
  const { headers } = request;
  const ownUser = headers['x-clickhouse-user'];
  if (typeof ownUser === 'string') {
    const key = headers['x-clickhouse-key'];
    return { user: ownUser, password: typeof key === 'string' ? key : '' };
  }
  const basic = /^Basic (.+)$/i.exec(headers.authorization ?? '')?.[1];
  if (basic !== undefined) {
    const [user = '', ...rest] = Buffer.from(basic, 'base64').toString('utf8').split(':');
    return { user, password: rest.join(':') };
  }
  const { searchParams } = new URL(request.url ?? '/', 'http://localhost');
  return {
    user: searchParams.get('user') ?? 'default',
    password: searchParams.get('password') ?? '',
  };
}

function isSame(expected: string, given: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(expected), digest(given));
}

function printable(text: string): string {
  return text.replace(/[^\x21-\x7e]/g, '_').slice(0, 64);
}
