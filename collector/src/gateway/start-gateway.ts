import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { openEventLog, type MeasuredEventLog } from '@flotilla/event-log';
import { DiskQueue, QueueSender, tlsPost, type Post } from '@flotilla/otlp-queue';
import {
  closeServer,
  ConfigError,
  createHttpServer,
  FolderLock,
  type Logger,
  type RunningService,
} from '@flotilla/service';
import { Registry } from 'prom-client';
import { startCollector } from '../start-collector.ts';
import type { GatewayConfig } from './config.ts';
import { addGatewayMetrics } from './gateway-metrics.ts';
import { JOURNAL_TOPICS, JournalMover } from './journal-mover.ts';

const CONSUMER_GROUP = 'edge-gateway';
const LAST_SEND_MS = 2000;
const CLOSE_GRACE_MS = 1000;

/**
 * Starts an edge gateway: the collector's receivers write into a journal on this machine, and what
 * they acknowledged moves from there through the aggregation into the queue, and on to the collector.
 */
export async function startGateway(
  config: GatewayConfig,
  logger: Logger,
  clock: () => number = () => Date.now(),
): Promise<RunningService> {
  const folder = config.FLOTILLA_GATEWAY_DATA_DIR;
  const undo: (() => unknown)[] = [];
  const stop = async () => {
    for (const step of undo.splice(0).reverse()) await step();
  };
  try {
    const lock = FolderLock.acquire(folder, process.pid);
    undo.push(() => lock.release());
    const queue = openQueue(config, logger, clock);
    undo.push(() => queue.close());
    const sender = openSender(config, queue, logger, clock);
    undo.push(() => sender.stop(LAST_SEND_MS));
    const journalUrl = `sqlite:${join(folder, 'journal.db')}`;
    const journalMaxBytes = config.FLOTILLA_GATEWAY_JOURNAL_MAX_BYTES;
    const journal = await openEventLog(journalUrl, { clock, maxBytes: journalMaxBytes });
    undo.push(() => journal.close());
    const mover = await openMover(config, journal, queue, logger, clock);
    undo.push(() => mover.stop());
    const receivers = await startCollector(
      { ...config, FLOTILLA_EVENT_LOG: journalUrl, FLOTILLA_MAX_LOG_BYTES: journalMaxBytes },
      logger,
      clock,
    );
    undo.push(() => receivers.stop());
    const http = await serveHealth(config, queue, mover, logger);
    undo.push(http.stop);
    mover.start();
    sender.start();
    return { addresses: { ...receivers.addresses, health: http.url }, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function openQueue(config: GatewayConfig, logger: Logger, clock: () => number): DiskQueue {
  return new DiskQueue({
    folder: join(config.FLOTILLA_GATEWAY_DATA_DIR, 'queue'),
    logger,
    clock,
    limits: {
      maxBytes: config.FLOTILLA_GATEWAY_QUEUE_MAX_BYTES,
      maxAgeMs: config.FLOTILLA_GATEWAY_QUEUE_MAX_AGE_MS,
    },
  });
}

function openSender(
  config: GatewayConfig,
  queue: DiskQueue,
  logger: Logger,
  clock: () => number,
): QueueSender {
  return new QueueSender({
    queue,
    collectorUrl: config.FLOTILLA_GATEWAY_COLLECTOR_URL,
    token: readFileSync(config.FLOTILLA_GATEWAY_TOKEN_FILE, 'utf8').trim(),
    logger,
    clock,
    ...uplinkTls(config, logger, clock),
  });
}

/** Nothing without TLS files: then the URL's scheme and the system's authorities decide. */
function uplinkTls(config: GatewayConfig, logger: Logger, clock: () => number): { post?: Post } {
  const {
    FLOTILLA_GATEWAY_COLLECTOR_CA_FILE: ca,
    FLOTILLA_GATEWAY_COLLECTOR_CERT_FILE: cert,
    FLOTILLA_GATEWAY_COLLECTOR_KEY_FILE: key,
  } = config;
  if ((cert === undefined) !== (key === undefined)) {
    throw new ConfigError([
      'FLOTILLA_GATEWAY_COLLECTOR_CERT_FILE and FLOTILLA_GATEWAY_COLLECTOR_KEY_FILE belong together',
    ]);
  }
  if (ca === undefined && cert === undefined) return {};
  if (!config.FLOTILLA_GATEWAY_COLLECTOR_URL.startsWith('https:')) {
    throw new ConfigError([
      'FLOTILLA_GATEWAY_COLLECTOR_URL must be https with a certificate or an authority of its own',
    ]);
  }
  const text = (file: string | undefined) =>
    file === undefined ? undefined : readFileSync(file, 'utf8');
  return {
    post: tlsPost(() => ({ ca: text(ca), cert: text(cert), key: text(key) }), logger, clock),
  };
}

async function openMover(
  config: GatewayConfig,
  journal: MeasuredEventLog,
  queue: DiskQueue,
  logger: Logger,
  clock: () => number,
): Promise<JournalMover> {
  return new JournalMover({
    consumer: await journal.consumer(CONSUMER_GROUP, JOURNAL_TOPICS),
    queue,
    rule: {
      intervalMs: config.FLOTILLA_GATEWAY_INTERVAL_MS,
      dropAttributes: new Set(config.FLOTILLA_GATEWAY_DROP_ATTRIBUTES),
    },
    limits: {
      maxSeries: config.FLOTILLA_GATEWAY_MAX_SERIES,
      maxBytes: config.FLOTILLA_GATEWAY_MAX_AGGREGATE_BYTES,
      // Half of the journal is for what has moved on already, and it must not fill up meanwhile.
      maxJournalBytes: config.FLOTILLA_GATEWAY_JOURNAL_MAX_BYTES / 4,
    },
    logger,
    clock,
  });
}

async function serveHealth(
  config: GatewayConfig,
  queue: DiskQueue,
  mover: JournalMover,
  logger: Logger,
): Promise<{ readonly url: string; readonly stop: () => Promise<void> }> {
  const registry = new Registry();
  addGatewayMetrics(registry, queue, mover);
  const readiness = () =>
    Promise.resolve(mover.failing === null ? null : `the journal stands still: ${mover.failing}`);
  const app = createHttpServer({ logger, registry, readiness });
  await app.listen({
    host: config.FLOTILLA_GATEWAY_HTTP_HOST,
    port: config.FLOTILLA_GATEWAY_HTTP_PORT,
  });
  const { address, port } = app.server.address() as AddressInfo;
  return { url: `http://${address}:${port}`, stop: () => closeServer(app, CLOSE_GRACE_MS) };
}
