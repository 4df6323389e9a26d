import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { openDatabase } from '@flotilla/ota-service/src/db/open-database.ts';
import { DeltaStore } from '@flotilla/ota-service/src/delta/delta-store.ts';
import { DeviceStore } from '@flotilla/ota-service/src/devices/device-store.ts';
import { FirmwareStore } from '@flotilla/ota-service/src/firmware/firmware-store.ts';
import { FleetMetrics } from '@flotilla/ota-service/src/fleet-metrics/fleet-metrics.ts';
import { RegistryFleet } from '@flotilla/ota-service/src/fleet-metrics/registry-fleet.ts';
import { WarehouseFleet } from '@flotilla/ota-service/src/fleet-metrics/warehouse-fleet.ts';
import { registerRegistryMetrics } from '@flotilla/ota-service/src/http/metrics.ts';
import { createHttpServer, createLogger } from '@flotilla/service';
import { collectDefaultMetrics, Registry } from 'prom-client';
import { atLeast, atMost, type BenchResult } from './harness/bench.ts';
import { describeMachine } from './harness/machine.ts';
import { formatCount, formatTable } from './harness/table.ts';
import { fillRegistry, openSickFleet } from './scrape/sick-fleet.ts';

const BREACH_LIMIT = 200;
const SCRAPES = 30;

/**
 * Question: what does a scrape of ota-service's /metrics cost, and how large is it, over a whole fleet?
 * Load: --devices (100,000) in a SQLite registry, 40 groups, 12 models of 10 versions each, and the
 * newest health computation of each in an embedded warehouse, with every signal of every device beyond
 * its good range: the most series there can be. Judge: the body's length, and the process's CPU time
 * over 30 scrapes by HTTP. What the background count costs stands beside it.
 */
export async function run(args: readonly string[]): Promise<BenchResult> {
  const { values } = parseArgs({
    args: [...args],
    options: { devices: { type: 'string', default: '100000' } },
  });
  const devices = Number(values.devices);
  const folder = await mkdtemp(join(tmpdir(), 'flotilla-scrape-'));
  try {
    return await measure(folder, devices);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function measure(folder: string, devices: number): Promise<BenchResult> {
  const database = await openDatabase(`sqlite:${join(folder, 'registry.db')}`);
  await fillRegistry(database, devices);
  const warehouse = await openSickFleet(devices);
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const logger = createLogger('bench', 'warn');
  registerRegistryMetrics(registry, {
    devices: new DeviceStore(database),
    firmware: new FirmwareStore(database),
    deltas: new DeltaStore(database),
  });
  const fleet = new FleetMetrics({
    registryFleet: new RegistryFleet(database),
    warehouseFleet: new WarehouseFleet(warehouse, BREACH_LIMIT),
    registry,
    breachLimit: BREACH_LIMIT,
    intervalMs: 60_000,
    silentAfterMs: 300_000,
    clock: Date.now,
    logger,
  });
  const app = createHttpServer({ logger, registry });
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  const refreshCpuMs = await cpuOf(() => fleet.refresh());
  let body = '';
  const scrape = async () => {
    body = await (await fetch(`${url}/metrics`)).text();
  };
  await scrape();
  const scrapes: number[] = [];
  for (let i = 0; i < SCRAPES; i += 1) scrapes.push(await cpuOf(scrape));
  await app.close();
  await warehouse.close();
  await database.destroy();
  const figures = {
    machine: describeMachine(),
    devices,
    seriesTotal: body.split('\n').filter((line) => line !== '' && !line.startsWith('#')).length,
    namedDevices: new Set([...body.matchAll(/device="([^"]+)"/g)].map(([, id]) => id)).size,
    sizeBytes: Buffer.byteLength(body),
    scrapeCpuMs: round(scrapes.reduce((sum, ms) => sum + ms, 0) / SCRAPES),
    refreshCpuMs: round(refreshCpuMs),
  };
  const head = ['devices', 'series', 'bytes', 'CPU ms a scrape', 'CPU ms a count'];
  const row = [devices, figures.seriesTotal, figures.sizeBytes];
  const times = [figures.scrapeCpuMs, figures.refreshCpuMs];
  console.log(formatTable(head, [[...row.map(formatCount), ...times.map(String)]]));
  return {
    figures,
    goals: [
      atMost('size of /metrics', round(figures.sizeBytes / 1024 ** 2), 2, 'MiB'),
      // Client and server share the process, so the client's part is in it.
      atMost('CPU of a scrape', figures.scrapeCpuMs, 100, 'ms'),
      atLeast('devices with a series of their own', figures.namedDevices, 1, 'devices'),
    ],
  };
}

/** Milliseconds of all threads of this process. */
async function cpuOf(work: () => Promise<void>): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

const round = (value: number): number => Math.round(value * 100) / 100;
