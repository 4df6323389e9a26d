import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { issueDeviceToken, readPrivateKey } from '@flotilla/signing';
import { ApiProblem, type ApiClient } from '../client/api-client.ts';
import type { DataFolder } from '../data-folder.ts';
import type { ProcessSpec } from '../supervisor/managed-process.ts';
import type { Supervisor } from '../supervisor/supervisor.ts';

export interface FleetPlan {
  readonly model: string;
  readonly groupOf: (index: number) => string;
  readonly count: number;
  readonly otaUrl: string;
  readonly collectorUrl: string;
  readonly firmwarePorts: readonly number[];
  readonly trialMs: number;
  readonly trialBoots: number;
  readonly metricsIntervalMs: number;
  /** Further settings of every agent, by the names of its environment. */
  readonly settings?: Readonly<Record<string, string>>;
}

export interface FleetMember {
  readonly id: string;
  readonly group: string;
  readonly processName: string;
  readonly dir: string;
  readonly firmwareUrl: string;
}

const AGENT_ENTRY = fileURLToPath(new URL('../../../device-agent/src/main.ts', import.meta.url));
/** Above every service: a device goes first, while there is still somebody to take its last telemetry. */
const AGENT_STAGE = 10;
/** Node takes most of a second to start on a small machine; two at a time keep both cores busy. */
const STARTED_AT_ONCE = 2;

export function fleetMembers(folder: DataFolder, plan: FleetPlan): FleetMember[] {
  return Array.from({ length: plan.count }, (_, index) => {
    const id = `device-${String(index + 1).padStart(2, '0')}`;
    return {
      id,
      group: plan.groupOf(index),
      processName: `agent ${id}`,
      dir: join(folder.devices, id),
      firmwareUrl: `http://127.0.0.1:${String(plan.firmwarePorts[index])}`,
    };
  });
}

/** Registers devices that have no token yet and starts an agent process for each. */
export async function startFleet(
  supervisor: Supervisor,
  api: ApiClient,
  folder: DataFolder,
  plan: FleetPlan,
): Promise<FleetMember[]> {
  const members = fleetMembers(folder, plan);
  const waiting = [...members];
  const worker = async () => {
    for (let member = waiting.shift(); member !== undefined; member = waiting.shift()) {
      await ensureRegistered(api, folder, member, plan);
      await supervisor.start(agentSpec(folder, member, plan));
    }
  };
  await Promise.all(Array.from({ length: STARTED_AT_ONCE }, worker));
  return members;
}

async function ensureRegistered(
  api: ApiClient,
  folder: DataFolder,
  member: FleetMember,
  plan: FleetPlan,
): Promise<void> {
  const tokenFile = join(member.dir, 'device.token');
  if (existsSync(tokenFile)) return;
  mkdirSync(member.dir, { recursive: true });
  const { id, group } = member;
  const token = await registeredToken(api, folder, { id, group, model: plan.model });
  writeFileSync(`${tokenFile}.new`, `${token}\n`, { mode: 0o600 });
  renameSync(`${tokenFile}.new`, tokenFile);
}

/**
 * A start that was cut off after the registration, before the token was on disk, leaves a device whose
 * token nobody has; on this machine the key that issues tokens is at hand.
 */
async function registeredToken(
  api: ApiClient,
  folder: DataFolder,
  device: { id: string; model: string; group: string },
): Promise<string> {
  try {
    return (await api.createDevice(device)).token;
  } catch (error) {
    if (!(error instanceof ApiProblem) || error.problem.code !== 'already_exists') throw error;
    const key = readPrivateKey(readFileSync(folder.deviceTokenPrivateKey, 'utf8'));
    const { id: deviceId, model, group } = device;
    return issueDeviceToken({ deviceId, model, group }, key, Date.now());
  }
}

function agentSpec(folder: DataFolder, member: FleetMember, plan: FleetPlan): ProcessSpec {
  return {
    name: member.processName,
    stage: AGENT_STAGE,
    entry: AGENT_ENTRY,
    logFile: join(folder.logs, `${member.id}.log`),
    environment: {
      FLOTILLA_DEVICE_ID: member.id,
      FLOTILLA_DEVICE_MODEL: plan.model,
      FLOTILLA_DEVICE_DIR: member.dir,
      FLOTILLA_DEVICE_TOKEN_FILE: join(member.dir, 'device.token'),
      FLOTILLA_OTA_URL: plan.otaUrl,
      FLOTILLA_COLLECTOR_URL: plan.collectorUrl,
      FLOTILLA_TUF_ROOT_FILE: folder.tufRoot,
      FLOTILLA_FIRMWARE_PORT: new URL(member.firmwareUrl).port,
      FLOTILLA_TRIAL_MS: String(plan.trialMs),
      FLOTILLA_TRIAL_BOOTS: String(plan.trialBoots),
      FLOTILLA_METRICS_INTERVAL_MS: String(plan.metricsIntervalMs),
      ...plan.settings,
    },
  };
}
