import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient, type ClickHouseClient } from '@clickhouse/client';
import { issueDeviceToken, readPrivateKey } from '@flotilla/signing';
import { openDataFolder, type DataFolder } from '../../src/data-folder.ts';
import { stackSpecs, type StackPorts } from '../../src/embedded-stack.ts';
import { freePorts } from '../../src/supervisor/free-ports.ts';
import { Supervisor } from '../../src/supervisor/supervisor.ts';

const TIMINGS = {
  evaluationIntervalMs: 60_000,
  devicePollMs: 60_000,
  healthIntervalMs: 60_000,
  heartbeatIntervalMs: 60_000,
};

/** Collector, event log, pipeline and embedded warehouse, as processes on a folder of their own. */
export class TelemetryPath {
  readonly folder: DataFolder;
  readonly supervisor = new Supervisor();
  readonly #ports: StackPorts;
  readonly #client: ClickHouseClient;

  private constructor(folder: DataFolder, ports: StackPorts) {
    this.folder = folder;
    this.#ports = ports;
    this.#client = createClient({ url: this.warehouseUrl });
  }

  static async create(): Promise<TelemetryPath> {
    const [ota = 0, collector = 0, collectorGrpc = 0, pipeline = 0, warehouse = 0] =
      await freePorts(5);
    const folder = openDataFolder(mkdtempSync(join(tmpdir(), 'flotilla-interop-')));
    return new TelemetryPath(folder, { ota, collector, collectorGrpc, pipeline, warehouse });
  }

  get collectorUrl(): string {
    return `http://127.0.0.1:${this.#ports.collector}`;
  }

  get warehouseUrl(): string {
    return `http://127.0.0.1:${this.#ports.warehouse}`;
  }

  async start(
    name: 'collector' | 'pipeline',
    environment: Readonly<Record<string, string>> = {},
  ): Promise<Readonly<Record<string, string>>> {
    const specs = stackSpecs(this.folder, this.#ports, TIMINGS);
    const spec = specs.find((candidate) => candidate.name === name);
    if (spec === undefined) throw new Error(`the stack has no ${name}`);
    return this.supervisor.start({
      ...spec,
      environment: { ...spec.environment, ...environment },
    });
  }

  token(deviceId: string): Promise<string> {
    const key = readPrivateKey(readFileSync(this.folder.deviceTokenPrivateKey, 'utf8'));
    return issueDeviceToken({ deviceId, model: 'sensor-1', group: 'default' }, key, Date.now());
  }

  async rows<T>(query: string): Promise<T[]> {
    const result = await this.#client.query({ query, format: 'JSONEachRow' });
    return result.json<T>();
  }

  async end(): Promise<void> {
    await this.#client.close();
    await this.supervisor.stopAll();
    rmSync(this.folder.root, { recursive: true, force: true, maxRetries: 5 });
  }
}
