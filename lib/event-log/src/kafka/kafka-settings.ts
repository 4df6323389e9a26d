import { readFileSync } from 'node:fs';
import { EventLogUrlError } from '../log-errors.ts';

export type Compression = 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd';
export type SaslMechanism = 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512';

export interface BrokerAddress {
  readonly host: string;
  readonly port: number;
}

export interface KafkaSettings {
  readonly brokers: readonly BrokerAddress[];
  /** CA certificates in PEM, or null for the system's; absent when TLS is off. */
  readonly tls?: { readonly ca: string | null };
  readonly sasl?: {
    readonly mechanism: SaslMechanism;
    readonly username: string;
    readonly password: string;
  };
  readonly createTopics: boolean;
  /** Of topics this process creates; null takes the log's option. */
  readonly partitions: number | null;
  /** -1 is the brokers' own default. */
  readonly replication: number;
  readonly compression: Compression;
  /** Records of unanswered appends held in memory; an append beyond is refused with LogFullError. */
  readonly bufferBytes: number;
}

const ADDRESS = /^kafka:\/\/(?:([^:@/?]+):([^@/?]*)@)?([^@/?]+)\/?(?:\?(.*))?$/;
const COMPRESSIONS: readonly Compression[] = ['none', 'gzip', 'snappy', 'lz4', 'zstd'];
const MECHANISMS: readonly SaslMechanism[] = ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'];
const OPTIONS = new Set([
  ...['tls', 'ca', 'mechanism', 'createTopics', 'partitions', 'replication'],
  ...['compression', 'bufferBytes'],
]);

/**
 * Reads `kafka://[user:password@]host:port[,host:port]/?option=value`. Options: `tls` (false),
 * `ca` (a PEM file), `mechanism` (SCRAM-SHA-256), `createTopics` (true), `partitions`,
 * `replication`, `compression` (zstd), `bufferBytes` (64 MiB). Throws EventLogUrlError, which never
 * repeats the password.
 */
export function parseKafkaUrl(url: string): KafkaSettings {
  const match = ADDRESS.exec(url);
  if (match === null) {
    throw new EventLogUrlError(
      'a Kafka address must be kafka://[user:password@]host:port[,host:port]/?option=value',
    );
  }
  const [, username, password, hosts = '', query = ''] = match;
  const options = new URLSearchParams(query);
  for (const name of options.keys()) {
    if (!OPTIONS.has(name)) throw new EventLogUrlError(`kafka: knows no option ${name}`);
  }
  const tls = flag(options, 'tls', options.has('ca'));
  return {
    brokers: hosts.split(',').map(parseBroker),
    ...(tls ? { tls: { ca: readCa(options.get('ca')) } } : {}),
    ...(username === undefined
      ? {}
      : {
          sasl: {
            mechanism: oneOf(options, 'mechanism', MECHANISMS, 'SCRAM-SHA-256'),
            username: decode(username),
            password: decode(password ?? ''),
          },
        }),
    createTopics: flag(options, 'createTopics', true),
    partitions: options.has('partitions') ? whole(options, 'partitions', 1) : null,
    replication: whole(options, 'replication', -1),
    compression: oneOf(options, 'compression', COMPRESSIONS, 'zstd'),
    bufferBytes: whole(options, 'bufferBytes', 64 * 1024 * 1024),
  };
}

function parseBroker(text: string): BrokerAddress {
  const match = /^(\[[0-9a-fA-F:]+\]|[A-Za-z0-9._-]+):(\d{1,5})$/.exec(text);
  const port = Number(match?.[2]);
  if (match?.[1] === undefined || port < 1 || port > 65_535) {
    // Not repeated: with the host forgotten, it is the user and password.
    throw new EventLogUrlError('kafka: every broker must be host:port');
  }
  return { host: match[1].replace(/^\[|\]$/g, ''), port };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (cause) {
    throw new EventLogUrlError('kafka: user and password must be percent-encoded', { cause });
  }
}

function readCa(file: string | null): string | null {
  if (file === null) return null;
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new EventLogUrlError(`kafka: cannot read the CA file ${file}`, { cause });
  }
}

function flag(options: URLSearchParams, name: string, otherwise: boolean): boolean {
  return oneOf(options, name, ['true', 'false'], String(otherwise)) === 'true';
}

function oneOf<T extends string>(
  options: URLSearchParams,
  name: string,
  allowed: readonly T[],
  otherwise: T,
): T {
  const value = options.get(name) ?? otherwise;
  const found = allowed.find((candidate) => candidate === value);
  if (found === undefined) {
    throw new EventLogUrlError(`kafka: ${name} must be one of ${allowed.join(', ')}`);
  }
  return found;
}

function whole(options: URLSearchParams, name: string, otherwise: number): number {
  const value = options.has(name) ? Number(options.get(name)) : otherwise;
  if (!Number.isSafeInteger(value) || (value < 1 && value !== otherwise)) {
    throw new EventLogUrlError(`kafka: ${name} must be a whole number from 1`);
  }
  return value;
}
