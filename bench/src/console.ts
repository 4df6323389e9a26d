import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { parseArgs } from 'node:util';
import { createClient } from '@clickhouse/client';
import { buildConsole } from '@flotilla/grafana-plugin';
import { findChromium, launchChromium } from '@flotilla/grafana-plugin/testing/chromium';
import { readOperatorToken } from '@flotilla/stack/src/data-folder.ts';
import { Shutdown } from '@flotilla/stack/src/shutdown.ts';
import { measureFleetPage, type PageVisit } from './console/fleet-page.ts';
import { atMost, type BenchResult } from './harness/bench.ts';
import { describeMachine } from './harness/machine.ts';
import { formatTable } from './harness/table.ts';
import { serverOf } from './polls/server.ts';
import { openStack, type StackUnderTest } from './polls/stack-under-test.ts';
import { medianOf } from './polls/summary.ts';

const PAINT_LIMIT_MS = 1500;
/** A task longer than this is felt (W3C Long Tasks: 50 ms; twice that on a shared machine). */
const TASK_LIMIT_MS = 100;
const SITES = 40;

const HEADER = `How long until the fleet's page of a large fleet is useful, and does it stay smooth?
Load: ota-service and a warehouse with the fleet and its health, the console in headless Chromium with an
  empty cache. Useful: counts, versions, groups and the worst devices are drawn.
Smooth: the longest task of the page's thread while devices are searched and paged.`;

/** Arguments: `--devices N`, `--visits N`. */
export async function run(args: readonly string[]): Promise<BenchResult> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      devices: { type: 'string', default: '100000' },
      visits: { type: 'string', default: '5' },
    },
  });
  const devices = Number(values.devices);
  const machine = describeMachine();
  console.log(`${HEADER}\nMachine: ${JSON.stringify(machine)}`);
  const chromium = findChromium();
  if (chromium === null) throw new Error('no Chromium; CHROMIUM_PATH says where it is');
  const root = await mkdtemp(join(tmpdir(), 'flotilla-console-'));
  const shutdown = new Shutdown();
  shutdown.add(() => rm(root, { recursive: true, force: true }));
  try {
    const consoleFolder = join(root, 'console');
    await buildConsole(consoleFolder);
    const stack = await openStack({ root, devices, consoleFolder }, shutdown);
    await spreadOverSites(stack);
    await tellHealth(stack.warehouseUrl, devices);
    const summary = await measureSummary(stack);
    const browser = await launchChromium(chromium);
    shutdown.add(() => browser.close());
    const address = `${stack.otaUrl}/#token=${readOperatorToken(stack.folder)}`;
    const visits: PageVisit[] = [];
    for (let i = 0; i < Number(values.visits); i += 1) {
      visits.push(await measureFleetPage(browser, address, devices));
    }
    const usefulMs = Math.round(medianOf(visits.map((visit) => visit.usefulMs)));
    const longestTaskMs = Math.round(medianOf(visits.map((visit) => visit.longestTaskMs)));
    console.log(table(visits, summary));
    return {
      figures: { machine, devices, visits, summary },
      goals: [
        atMost('first useful paint, median', usefulMs, PAINT_LIMIT_MS, 'ms'),
        atMost(
          'longest task while searching and paging, median',
          longestTaskMs,
          TASK_LIMIT_MS,
          'ms',
        ),
      ],
    };
  } finally {
    await shutdown.run();
  }
}

/** The seeded fleet is one group; a real one has many. */
async function spreadOverSites({ folder }: StackUnderTest): Promise<void> {
  const database = new DatabaseSync(folder.databaseUrl.slice('sqlite:'.length));
  database.exec('PRAGMA busy_timeout = 30000');
  database.exec(`UPDATE devices SET group_name = 'site-' || (rowid % ${SITES}),
    firmware_version = CASE rowid % 10 WHEN 0 THEN '1.0.0' WHEN 1 THEN '1.1.0' ELSE '1.2.0' END`);
  database.close();
  await Promise.resolve();
}

/** One computation of health for every device, a hundredth of it critical. */
async function tellHealth(url: string, devices: number): Promise<void> {
  const warehouse = createClient({ url });
  await warehouse.command({
    query: `INSERT INTO flotilla_device_health
      SELECT 'dev-' || leftPad(toString(number), 7, '0'), now64(3, 'UTC'),
        multiIf(number % 100 = 0, 20, number % 100 < 4, 60, number % 100 < 6, 90, 97), 1,
        multiIf(number % 100 = 0, 'critical', number % 100 < 4, 'degraded', number % 100 < 6, 'unknown', 'healthy'),
        map('cpu_p95_pct', 3.)
      FROM numbers({devices:UInt32})`,
    query_params: { devices },
  });
  await warehouse.close();
}

interface SummaryCost {
  readonly answerMs: number;
  readonly cpuSeconds: number;
}

/** Past the answer that several people share. */
async function measureSummary(stack: StackUnderTest): Promise<SummaryCost> {
  await stack.operator('GET', '/api/v1/fleet/summary');
  await new Promise((resolve) => setTimeout(resolve, 2500));
  const server = serverOf(stack.ota.pid);
  const cpuBefore = await server.cpuSeconds();
  const startedAt = performance.now();
  await stack.operator('GET', '/api/v1/fleet/summary');
  return {
    answerMs: Math.round(performance.now() - startedAt),
    cpuSeconds: (await server.cpuSeconds()) - cpuBefore,
  };
}

function table(visits: readonly PageVisit[], summary: SummaryCost): string {
  const rows = visits.map((visit, i) => [
    `visit ${i + 1}`,
    String(Math.round(visit.usefulMs)),
    String(Math.round(visit.longestTaskMs)),
    String(Math.round(visit.transferBytes / 1024)),
  ]);
  return `\n${formatTable(['', 'useful ms', 'longest task ms', 'KiB'], rows)}
The summary alone took ${summary.answerMs} ms, and ota-service ${summary.cpuSeconds.toFixed(2)} s of CPU.`;
}
