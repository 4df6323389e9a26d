import { randomUUID } from 'node:crypto';
import { TELEMETRY_TOPICS } from '@flotilla/contracts';
import { openEventLog, type EventLog } from '@flotilla/event-log';
import { closeServer, createHttpServer, type Logger, type RunningService } from '@flotilla/service';
import type { Config } from './config.ts';
import { ByteBudget } from './consume/byte-budget.ts';
import { IngestLoop } from './consume/ingest-loop.ts';
import { RangeReader } from './consume/range-reader.ts';
import { RangeStore } from './consume/range-store.ts';
import { spoolBeside } from './dead-letters/letter-spool.ts';
import { runHealthJob } from './health/health-job.ts';
import { BatchLedger } from './load/batch-ledger.ts';
import { WarehouseNames } from './load/batch-ledger-store.ts';
import { FileSink, HttpSink, type InsertSink } from './load/insert-sink.ts';
import { RangeLoader } from './load/range-loader.ts';
import { TableLoader } from './load/table-loader.ts';
import { createMetrics, type PipelineMetrics } from './metrics.ts';
import { WarehouseHttpEndpoint } from './warehouse/http-endpoint.ts';
import { migrate } from './warehouse/migrations.ts';
import { ReadSessions } from './warehouse/read-sessions.ts';
import { openWarehouse, type Warehouse } from './warehouse/warehouse.ts';

export const CONSUMER_GROUP = 'pipeline';
const READ_SESSIONS = 3;
const CLOSE_GRACE_MS = 1000;

/** Things to close, last opened first. */
type Closers = (() => Promise<void>)[];

/** Starts the pipeline; `onFatal` is called when it cannot go on and must be started anew. */
export async function startPipeline(
  config: Config,
  logger: Logger,
  onFatal: (error: unknown) => void,
): Promise<RunningService> {
  const closers: Closers = [];
  try {
    return await start(config, logger, onFatal, closers);
  } catch (error) {
    await closeAll(closers);
    throw error;
  }
}

async function start(
  config: Config,
  logger: Logger,
  onFatal: (error: unknown) => void,
  closers: Closers,
): Promise<RunningService> {
  const metrics = createMetrics();
  const warehouse = openWarehouse(config.FLOTILLA_WAREHOUSE, process.pid);
  closers.push(() => warehouse.close());
  const applied = await migrate(warehouse.ingest);
  logger.info({ applied: applied.map(({ name }) => name) }, 'the schema is current');
  const endpoint = await openEndpoint(warehouse, config, logger, closers);
  const log = await openEventLog(config.FLOTILLA_EVENT_LOG, {
    leaseMs: config.FLOTILLA_MEMBER_LEASE_MS,
  });
  closers.push(() => log.close());

  const abort = new AbortController();
  const loop = await createLoop(config, { log, warehouse, metrics, logger, closers });
  const background = [
    loop.run(abort.signal),
    runHealthJob(
      {
        client: warehouse.compute,
        intervalMs: config.FLOTILLA_HEALTH_INTERVAL_MS,
        heartbeatIntervalMs: config.FLOTILLA_HEARTBEAT_INTERVAL_MS,
        clock: () => Date.now(),
        logger,
        metrics,
      },
      abort.signal,
    ),
  ];
  for (const work of background) work.catch(onFatal);
  closers.push(async () => {
    abort.abort();
    await Promise.allSettled(background);
  });
  const http = await openHealthServer(config, logger, metrics, () => loop.blockedBy, closers);
  return {
    addresses: { http, ...(endpoint !== null && { warehouse: endpoint.url }) },
    stop: () => closeAll(closers),
  };
}

async function openEndpoint(
  warehouse: Warehouse,
  config: Config,
  logger: Logger,
  closers: Closers,
): Promise<WarehouseHttpEndpoint | null> {
  if (warehouse.embedded === null) return null;
  const sessions = await ReadSessions.open(warehouse.embedded, READ_SESSIONS);
  closers.push(() => sessions.close());
  const endpoint = await WarehouseHttpEndpoint.listen(
    sessions,
    config.FLOTILLA_WAREHOUSE_HTTP_PORT,
    logger,
  );
  closers.push(() => endpoint.close());
  return endpoint;
}

interface LoopSurroundings {
  readonly log: EventLog;
  readonly warehouse: Warehouse;
  readonly metrics: PipelineMetrics;
  readonly logger: Logger;
  readonly closers: Closers;
}

async function createLoop(config: Config, around: LoopSurroundings): Promise<IngestLoop> {
  const { log, warehouse, metrics, logger, closers } = around;
  const consumer = await log.consumer(CONSUMER_GROUP, TELEMETRY_TOPICS);
  closers.push(() => consumer.close());
  const limits = {
    maxRows: config.FLOTILLA_BATCH_MAX_ROWS,
    maxBytes: config.FLOTILLA_BATCH_MAX_BYTES,
    maxAgeMs: config.FLOTILLA_BATCH_MAX_AGE_MS,
  };
  const sink = await openSink(warehouse);
  const ledger = new BatchLedger({
    names: new WarehouseNames(warehouse.ingest, warehouse.compute),
    sink,
    filterBytes: config.FLOTILLA_NAME_FILTER_MAX_BYTES,
    metrics,
    logger,
    newId: randomUUID,
  });
  const tables = new TableLoader(sink, warehouse.ingest);
  const loader = new RangeLoader(tables, ledger, metrics);
  const spool = spoolBeside(config.FLOTILLA_EVENT_LOG, config.FLOTILLA_DEAD_LETTER_FOLDER);
  const clock = () => Date.now();
  return new IngestLoop({
    consumer,
    reader: new RangeReader(consumer, ledger, limits),
    store: new RangeStore({ log, loader, spool, metrics, logger, clock }),
    budget: new ByteBudget(config.FLOTILLA_PREPARED_MAX_BYTES),
    metrics,
    logger,
    clock,
    random: () => Math.random(),
    newId: randomUUID,
  });
}

async function openSink({ ingest, embedded }: Warehouse): Promise<InsertSink> {
  if (embedded === null) return new HttpSink(ingest);
  return FileSink.open(ingest, embedded.insertFolder);
}

async function openHealthServer(
  config: Config,
  logger: Logger,
  metrics: PipelineMetrics,
  blockedBy: () => string | null,
  closers: Closers,
): Promise<string> {
  const server = createHttpServer({
    logger,
    registry: metrics.registry,
    readiness: () => Promise.resolve(blockedBy()),
  });
  closers.push(() => closeServer(server, CLOSE_GRACE_MS));
  return server.listen({
    host: config.FLOTILLA_PIPELINE_HOST,
    port: config.FLOTILLA_PIPELINE_PORT,
  });
}

/** Last opened first; each gets its turn even when one fails. */
async function closeAll(closers: Closers): Promise<void> {
  const failures: unknown[] = [];
  for (let close = closers.pop(); close !== undefined; close = closers.pop()) {
    await close().catch((error: unknown) => failures.push(error));
  }
  if (failures.length > 0) throw new AggregateError(failures, 'closing failed');
}
