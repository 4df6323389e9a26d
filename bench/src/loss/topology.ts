import { randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startKafkaBroker } from '@flotilla/event-log/testing/kafka';
import { openDataFolder, type DataFolder } from '@flotilla/stack/src/data-folder.ts';
import type { Shutdown } from '@flotilla/stack/src/shutdown.ts';
import { freePorts } from '@flotilla/stack/src/supervisor/free-ports.ts';
import { Supervisor } from '@flotilla/stack/src/supervisor/supervisor.ts';
import type { Victim } from './killer.ts';

/** A telemetry path that stands, and what of it can be killed. */
export interface Topology {
  readonly folder: DataFolder;
  readonly collectorUrl: string;
  readonly warehouseUrl: string;
  readonly victims: readonly Victim[];
}

/** Collector and pipeline on the embedded log; the warehouse lives in the pipeline's process. */
export async function openEmbedded(root: string, shutdown: Shutdown): Promise<Topology> {
  const folder = openDataFolder(root);
  const [collectorPort = 0, warehousePort = 0] = await freePorts(2);
  const services = new Services(folder, shutdown);
  const pipeline = await services.start(1, 'pipeline', 'pipeline/src/main.ts', {
    FLOTILLA_EVENT_LOG: folder.eventLogUrl,
    FLOTILLA_WAREHOUSE: folder.warehouseUrl,
    FLOTILLA_WAREHOUSE_HTTP_PORT: String(warehousePort),
    UV_THREADPOOL_SIZE: '12',
  });
  const collector = await services.startCollector(folder.eventLogUrl, collectorPort);
  return {
    folder,
    collectorUrl: `http://127.0.0.1:${collectorPort}`,
    warehouseUrl: `http://127.0.0.1:${warehousePort}`,
    victims: [collector, pipeline],
  };
}

/**
 * Everything apart: a real Kafka broker, a warehouse server, a collector, and two pipelines that share
 * the partitions. All five can be killed.
 */
export async function openDistributed(root: string, shutdown: Shutdown): Promise<Topology> {
  const folder = openDataFolder(root);
  const kafkaFolder = join(root, 'kafka');
  await mkdir(kafkaFolder);
  const readyTimeoutMs = BROKER_READY_TIMEOUT_MS;
  const broker = await startKafkaBroker({ folder: kafkaFolder, readyTimeoutMs });
  shutdown.add(() => broker.stop());
  const eventLogUrl = `${broker.url}?partitions=${PARTITIONS}`;
  const services = new Services(folder, shutdown);
  const [collectorPort = 0, warehousePort = 0] = await freePorts(2);
  const password = randomBytes(12).toString('hex');
  const warehouseUrl = `http://flotilla:${password}@127.0.0.1:${warehousePort}/default`;
  const warehouse = await services.start(0, 'warehouse', 'pipeline/src/warehouse-server/main.ts', {
    FLOTILLA_WAREHOUSE_FOLDER: join(root, 'warehouse'),
    FLOTILLA_WAREHOUSE_SERVER_PORT: String(warehousePort),
    FLOTILLA_WAREHOUSE_WRITER_PASSWORD: password,
    UV_THREADPOOL_SIZE: '16',
  });
  const pipelines: Victim[] = [];
  for (const name of ['pipeline-1', 'pipeline-2']) {
    pipelines.push(
      await services.start(1, name, 'pipeline/src/main.ts', {
        FLOTILLA_EVENT_LOG: eventLogUrl,
        FLOTILLA_WAREHOUSE: warehouseUrl,
      }),
    );
  }
  const collector = await services.startCollector(eventLogUrl, collectorPort);
  const kafka: Victim = {
    name: 'kafka',
    async kill() {
      await broker.kill();
      await broker.restart();
    },
  };
  return {
    folder,
    collectorUrl: `http://127.0.0.1:${collectorPort}`,
    warehouseUrl,
    victims: [kafka, warehouse, ...pipelines, collector],
  };
}

const PARTITIONS = 6;
/** A slow start shows nothing; this only ends a bench whose broker will never be back. */
const BROKER_READY_TIMEOUT_MS = 900_000;

/** Processes of the product, started again by their supervisor when they are killed. */
class Services {
  readonly #folder: DataFolder;
  readonly #supervisor = new Supervisor();

  constructor(folder: DataFolder, shutdown: Shutdown) {
    this.#folder = folder;
    shutdown.add(() => this.#supervisor.stopAll());
  }

  startCollector(eventLogUrl: string, port: number): Promise<Victim> {
    return this.start(2, 'collector', 'collector/src/main.ts', {
      FLOTILLA_EVENT_LOG: eventLogUrl,
      FLOTILLA_COLLECTOR_PORT: String(port),
      FLOTILLA_DEVICE_TOKEN_PUBLIC_KEY_FILE: this.#folder.deviceTokenPublicKey,
    });
  }

  async start(
    stage: number,
    name: string,
    entry: string,
    environment: Record<string, string>,
  ): Promise<Victim> {
    await this.#supervisor.start({
      name,
      stage,
      entry: fileURLToPath(new URL(`../../../${entry}`, import.meta.url)),
      environment,
      logFile: join(this.#folder.logs, `${name}.log`),
    });
    const child = this.#supervisor.get(name);
    return {
      name,
      async kill() {
        child.kill('SIGKILL');
        await child.waitReady();
      },
    };
  }
}
