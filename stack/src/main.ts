import { resolve } from 'node:path';
import { buildConsole } from '@flotilla/grafana-plugin';
import { ConfigError, FolderInUseError, FolderLock, loadConfig } from '@flotilla/service';
import { startConfigSchema, type StartConfig } from './config.ts';
import { openDataFolder, readOperatorToken, type DataFolder } from './data-folder.ts';
import { startStack, type StackAddresses, type StackPorts } from './embedded-stack.ts';
import { startFleet } from './fleet/agents.ts';
import { seedFirstFirmware } from './fleet/first-firmware.ts';
import { SENSOR_MODEL } from './firmware/sensor.ts';
import type { ApiClient } from './client/api-client.ts';
import { nodeVersionProblem } from './node-version.ts';
import { Shutdown } from './shutdown.ts';
import { freePorts, ifFree } from './supervisor/free-ports.ts';
import { Supervisor } from './supervisor/supervisor.ts';

const TIMINGS = {
  evaluationIntervalMs: 1000,
  devicePollMs: 2000,
  healthIntervalMs: 5000,
  heartbeatIntervalMs: 5000,
};
const EXIT_FAULT = 1;
const EXIT_CONFIG = 2;
const EXIT_IN_USE = 3;

const say = (text: string) => process.stdout.write(`${text}\n`);

class StartError extends Error {
  readonly exitCode: number;
  constructor(exitCode: number, message: string) {
    super(message);
    this.exitCode = exitCode;
  }
}

async function choosePorts(config: StartConfig): Promise<StackPorts> {
  const ota = await ifFree(config.FLOTILLA_CONSOLE_PORT);
  if (ota === null) {
    throw new StartError(
      EXIT_IN_USE,
      `port ${config.FLOTILLA_CONSOLE_PORT} is taken; choose another with FLOTILLA_CONSOLE_PORT`,
    );
  }
  const [spare1, spare2, pipeline, spareOta, spareGrpc] = await freePorts(5);
  return {
    ota: ota === 0 ? (spareOta ?? 0) : ota,
    collector: (await ifFree(config.FLOTILLA_COLLECTOR_PORT)) || (spare1 ?? 0),
    collectorGrpc: (await ifFree(config.FLOTILLA_COLLECTOR_GRPC_PORT)) || (spareGrpc ?? 0),
    warehouse: (await ifFree(config.FLOTILLA_WAREHOUSE_HTTP_PORT)) || (spare2 ?? 0),
    pipeline: pipeline ?? 0,
  };
}

function acquire(root: string): FolderLock {
  try {
    return FolderLock.acquire(root, process.pid);
  } catch (error) {
    if (!(error instanceof FolderInUseError)) throw error;
    throw new StartError(
      EXIT_IN_USE,
      `${error.message}: another Flotilla runs on this data folder. ` +
        'Stop it first, or choose another folder with FLOTILLA_DATA_DIR.',
    );
  }
}

async function startAgents(
  supervisor: Supervisor,
  api: ApiClient,
  folder: DataFolder,
  addresses: StackAddresses,
  count: number,
): Promise<void> {
  await startFleet(supervisor, api, folder, {
    model: SENSOR_MODEL,
    groupOf: () => 'demo',
    count,
    otaUrl: addresses.console,
    collectorUrl: addresses.collector,
    firmwarePorts: await freePorts(count),
    trialMs: 10_000,
    trialBoots: 3,
    metricsIntervalMs: 5000,
  });
  await seedFirstFirmware(api, folder);
}

async function start(shutdown: Shutdown): Promise<void> {
  const problem = nodeVersionProblem(process.version);
  if (problem !== null) throw new StartError(EXIT_CONFIG, problem);
  const config = loadConfig(startConfigSchema, process.env);
  const root = resolve(config.FLOTILLA_DATA_DIR);
  const lock = acquire(root);
  shutdown.add(() => lock.release());
  const folder = openDataFolder(root);
  const ports = await choosePorts(config);
  const supervisor = new Supervisor({
    onUnexpectedExit: (name, how) => say(`  ${name} ${how}; starting it again`),
  });
  shutdown.add(() => supervisor.stopAll());

  say(`Flotilla on ${root}`);
  await buildConsole(folder.console);
  const { api, addresses } = await startStack(supervisor, folder, ports, TIMINGS);
  say('  services   pipeline, collector, ota-service');
  say(`  OTLP       ${addresses.collector} (HTTP), ${addresses.collectorGrpc} (gRPC)`);
  say(`  warehouse  ${addresses.warehouse} (ClickHouse HTTP, read only)`);
  if (config.FLOTILLA_DEVICES > 0) {
    await startAgents(supervisor, api, folder, addresses, config.FLOTILLA_DEVICES);
    say(`  devices    ${config.FLOTILLA_DEVICES} agents, model ${SENSOR_MODEL}`);
  }
  say(`\nready: ${addresses.console}/#token=${readOperatorToken(folder)}\n`);
  say('ctrl-C stops everything; the data stays.');
}

function exitCodeOf(error: unknown): number {
  if (error instanceof StartError) return error.exitCode;
  return error instanceof ConfigError ? EXIT_CONFIG : EXIT_FAULT;
}

const shutdown = new Shutdown();
shutdown.onSignals(say);
try {
  await start(shutdown);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  await shutdown.run().catch((fault: unknown) => process.stderr.write(`${String(fault)}\n`));
  process.exit(exitCodeOf(error));
}
