import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildConsole } from '@flotilla/grafana-plugin';
import { readPrivateKey } from '@flotilla/signing';
import type { ApiClient } from '../client/api-client.ts';
import { openDataFolder, type DataFolder } from '../data-folder.ts';
import { startStack, type StackAddresses } from '../embedded-stack.ts';
import { SENSOR_MODEL } from '../firmware/sensor.ts';
import { startFleet, type FleetMember } from '../fleet/agents.ts';
import { AcknowledgementLedger } from '../ledger/acknowledgement-ledger.ts';
import { WarehouseQuestions } from '../ledger/warehouse-rows.ts';
import type { Shutdown } from '../shutdown.ts';
import { freePorts } from '../supervisor/free-ports.ts';
import { Supervisor } from '../supervisor/supervisor.ts';
import type { StoryStage } from './story.ts';

/** A whole stack with ten agents on a new data folder and free ports, with the ledger in between. */
export interface Theatre {
  readonly folder: DataFolder;
  readonly supervisor: Supervisor;
  readonly api: ApiClient;
  readonly addresses: StackAddresses;
  readonly ledger: AcknowledgementLedger;
  readonly warehouse: WarehouseQuestions;
  readonly members: readonly FleetMember[];
  readonly stage: StoryStage;
  /** Ends the agents only; their disks stay to be looked at. */
  stopAgents(): Promise<void>;
}

export interface TheatreOptions {
  readonly say: (text: string) => void;
  /** How long any one step of a story may take. */
  readonly stepTimeoutMs: number;
  /** The demo's fleet is ten. */
  readonly devices?: number;
  /** Group of the device with this index; all `demo` by default. */
  readonly groupOf?: (index: number) => string;
  /** Asked at the end: true leaves the data folder, with its logs, to be looked at. */
  readonly keepFolder?: () => boolean;
  /** Puts something between the agents and ota-service: takes its URL, gives the agents' URL. */
  readonly beforeOta?: (otaUrl: string) => Promise<string>;
  /** Further settings of every agent, by the names of its environment. */
  readonly agentSettings?: Readonly<Record<string, string>>;
}

const TIMINGS = {
  evaluationIntervalMs: 500,
  devicePollMs: 1000,
  healthIntervalMs: 2000,
  heartbeatIntervalMs: 2000,
};

export async function openTheatre(shutdown: Shutdown, options: TheatreOptions): Promise<Theatre> {
  const { say, stepTimeoutMs, devices = 10, groupOf = () => 'demo' } = options;
  const root = mkdtempSync(join(tmpdir(), 'flotilla-'));
  shutdown.add(() => {
    if (options.keepFolder?.() === true) say(`logs and data are left in ${root}`);
    else rmSync(root, { recursive: true, force: true, maxRetries: 5 });
  });
  const folder = openDataFolder(root);
  const supervisor = new Supervisor({
    onUnexpectedExit: (name, how) => say(`  ${name} ${how}; starting it again`),
  });
  shutdown.add(() => supervisor.stopAll());
  await buildConsole(folder.console);
  const [
    ota = 0,
    collector = 0,
    collectorGrpc = 0,
    pipeline = 0,
    warehousePort = 0,
    ...firmwarePorts
  ] = await freePorts(5 + devices);
  const ports = { ota, collector, collectorGrpc, pipeline, warehouse: warehousePort };
  const { api, addresses } = await startStack(supervisor, folder, ports, TIMINGS);
  say('services ready');
  const ledger = await AcknowledgementLedger.start(addresses.collector);
  shutdown.add(() => ledger.close());
  const warehouse = new WarehouseQuestions(addresses.warehouse);
  shutdown.add(() => warehouse.close());
  const members = await startFleet(supervisor, api, folder, {
    model: SENSOR_MODEL,
    groupOf,
    count: devices,
    otaUrl: (await options.beforeOta?.(addresses.console)) ?? addresses.console,
    collectorUrl: ledger.url,
    firmwarePorts,
    trialMs: 4000,
    trialBoots: 2,
    metricsIntervalMs: 2000,
    ...(options.agentSettings !== undefined && { settings: options.agentSettings }),
  });
  say(`${members.length} agents ready`);
  const targetsKey = readPrivateKey(readFileSync(folder.targetsKey, 'utf8'));
  return {
    folder,
    supervisor,
    api,
    addresses,
    ledger,
    warehouse,
    members,
    stage: { api, members, targetsKey, say, stepTimeoutMs },
    stopAgents: () => supervisor.stop(members.map((member) => member.processName)),
  };
}
