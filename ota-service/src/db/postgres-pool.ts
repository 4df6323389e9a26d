import { Pool, types, type PoolConfig } from 'pg';

export interface PostgresOptions {
  /** Connections of this process. */
  readonly poolSize: number;
  /** Longest run of one statement; 0 is no limit. */
  readonly statementTimeoutMs: number;
}

export const POSTGRES_DEFAULTS: PostgresOptions = { poolSize: 10, statementTimeoutMs: 30_000 };

/** How long to wait for a connection, at start as well as for one of a busy pool. */
const CONNECT_TIMEOUT_MS = 5000;
/** Whoever waits longer for a row or a name would rather be told. */
const LOCK_TIMEOUT_MS = 10_000;
/** A process that hangs inside a transaction must not hold its locks for ever. */
const IDLE_TRANSACTION_TIMEOUT_MS = 60_000;

/** The URL may carry what pg-connection-string knows, such as sslmode and sslrootcert. */
export function openPool(url: string, options: PostgresOptions): Pool {
  const config: PoolConfig = {
    connectionString: url,
    application_name: 'ota-service',
    max: options.poolSize,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    keepAlive: true,
    statement_timeout: options.statementTimeoutMs,
    lock_timeout: LOCK_TIMEOUT_MS,
    idle_in_transaction_session_timeout: IDLE_TRANSACTION_TIMEOUT_MS,
    types: { getTypeParser: getTypeParser as typeof types.getTypeParser },
  };
  const pool = new Pool(config);
  // A connection broke. Whoever had it sees its own statement fail, and the pool opens another when
  // one is needed; without listeners on both the process would end.
  pool.on('error', () => undefined);
  pool.on('connect', (client) => client.on('error', () => undefined));
  return pool;
}

const INT8: number = types.builtins.INT8;

/** Of the text format, the only one that is asked for here. */
function getTypeParser(oid: Parameters<typeof types.getTypeParser>[0]): (text: string) => unknown {
  const parser = types.getTypeParser(oid, 'text') as (text: string) => unknown;
  const id: number = oid;
  return id === INT8 ? toSafeInteger : parser;
}

/** Times, sizes and counts; all are far below 2^53. */
function toSafeInteger(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw new RangeError(`${text} is no safe integer`);
  return value;
}
