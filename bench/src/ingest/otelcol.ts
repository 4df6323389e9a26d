import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { waitUntil } from '@flotilla/stack/src/story/wait-until.ts';
import type { ServiceProcess } from './node-service.ts';

const READY_TIMEOUT_MS = 30_000;
const READY_LINE = 'Everything is ready. Begin running and processing data.';

/** JSON is YAML, so a configuration is written as it stands here. */
export type CollectorConfig = Readonly<Record<string, unknown>>;

const TELEMETRY = { metrics: { level: 'none' }, logs: { level: 'info' } };

/**
 * OTLP/HTTP to Kafka, doing what our collector does: answers only when the broker has it, so neither
 * a sending queue nor a batch processor stands before the exporter, and all replicas acknowledge.
 */
export function receivingConfig(port: number, bootstrap: string, topic: string): CollectorConfig {
  return {
    receivers: { otlp: { protocols: { http: { endpoint: `127.0.0.1:${port}` } } } },
    processors: { memory_limiter: { check_interval: '1s', limit_mib: 2048 } },
    exporters: {
      kafka: {
        brokers: [bootstrap],
        metrics: { topic, encoding: 'otlp_proto' },
        producer: { required_acks: -1, compression: 'zstd', max_message_bytes: 1_900_000 },
        sending_queue: { enabled: false },
      },
    },
    service: {
      telemetry: TELEMETRY,
      pipelines: {
        metrics: { receivers: ['otlp'], processors: ['memory_limiter'], exporters: ['kafka'] },
      },
    },
  };
}

/** Kafka to ClickHouse in batches of our pipeline's size. */
export function loadingConfig(
  bootstrap: string,
  topic: string,
  warehouseUrl: string,
  { batchRows, batchAgeMs }: { readonly batchRows: number; readonly batchAgeMs: number },
): CollectorConfig {
  return {
    receivers: {
      kafka: {
        brokers: [bootstrap],
        group_id: 'otelcol',
        initial_offset: 'earliest',
        metrics: { topics: [topic], encoding: 'otlp_proto' },
      },
    },
    processors: {
      memory_limiter: { check_interval: '1s', limit_mib: 2048 },
      batch: { send_batch_size: batchRows, timeout: `${batchAgeMs}ms` },
    },
    exporters: {
      clickhouse: {
        endpoint: warehouseUrl,
        database: 'default',
        create_schema: false,
        async_insert: false,
        compress: 'none',
        timeout: '60s',
        sending_queue: { enabled: false },
      },
    },
    service: {
      telemetry: TELEMETRY,
      pipelines: {
        metrics: {
          receivers: ['kafka'],
          processors: ['memory_limiter', 'batch'],
          exporters: ['clickhouse'],
        },
      },
    },
  };
}

export async function otelcolVersion(binary: string): Promise<string> {
  const { stdout } = await promisify(execFile)(binary, ['--version']);
  return stdout.trim();
}

/** Resolves once it says that it runs. */
export async function startOtelcol(
  name: string,
  binary: string,
  folder: string,
  config: CollectorConfig,
): Promise<ServiceProcess> {
  const configFile = join(folder, `${name}.json`);
  const logFile = join(folder, `${name}.log`);
  await writeFile(configFile, JSON.stringify(config, null, 2));
  const output = openSync(logFile, 'a');
  // The kernel ends it with us, even when we are killed.
  const command = ['--pdeathsig', 'KILL', binary, '--config', `file:${configFile}`];
  const child = spawn('setpriv', command, { stdio: ['ignore', output, output] });
  closeSync(output);
  const exited = once(child, 'exit');
  await waitUntil(`${name} ready`, READY_TIMEOUT_MS, async () => {
    const said = await readFile(logFile, 'utf8');
    if (child.exitCode !== null) return false;
    return said.includes(READY_LINE) ? true : null;
  })
    .then((isReady) => {
      if (!isReady) throw new Error(`${name} ended`);
    })
    .catch(async (cause: unknown) => {
      child.kill('SIGKILL');
      const said = await readFile(logFile, 'utf8');
      throw new Error(`${name} did not start; it said: ${said.slice(-2000)}`, { cause });
    });
  return {
    name,
    pid: child.pid ?? 0,
    logFile,
    addresses: {},
    async stop() {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
      await exited;
    },
  };
}
