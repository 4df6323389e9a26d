import { existsSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { join } from 'node:path';
import { isFinal, type UpdateReport } from '@flotilla/contracts';
import type { DeviceAgent } from '../../device-agent.ts';
import type { FakeOtaServer } from '../fake-ota-server.ts';
import { PowerCutError } from '../power-cut.ts';
import { FailingPower, type PowerCut } from './failing-power.ts';
import { startMachine, WrongContentError } from './machine-run.ts';
import { SimulatedMachine, type Artifact, type DeviceKind } from './simulated-machine.ts';

const MAX_STARTS = 60;
/** Of one start, generous for a busy machine: without an end by then the device is stuck. */
const PATIENCE_MS = 60_000;

export interface StoryOptions {
  readonly kind: DeviceKind;
  /** Empty, and removed by the caller. */
  readonly folder: string;
  /** Offers `next`. */
  readonly server: FakeOtaServer;
  readonly old: Artifact;
  readonly next: Artifact;
  /** Whether `next` passes its trial. */
  readonly isGood: boolean;
  /** One per start of the machine; after the last the power stays. */
  readonly cuts: readonly (PowerCut | null)[];
  readonly random: () => number;
}

export const STORY_ENDS = [
  'updated',
  'rolled_back',
  'failed',
  'bricked',
  'wrong_version',
  'stuck',
] as const;
export type StoryEnd = (typeof STORY_ENDS)[number];

export interface StoryResult {
  readonly end: StoryEnd;
  /** Durable writes of each start. */
  readonly writes: readonly (readonly string[])[];
  /** Bytes of a slot that each start wrote. */
  readonly slotBytes: readonly number[];
  readonly cutsMade: number;
}

/** A device whose slot `a` holds `old`, confirmed, takes `next` while the power goes at each of the cuts. */
export async function playStory(options: StoryOptions): Promise<StoryResult> {
  const { kind, folder, server, old, next, cuts, random } = options;
  const machine = new SimulatedMachine(kind, folder);
  await machine.provision(old, 2 * next.sizeBytes);
  server.reports.length = 0;
  const powers: FailingPower[] = [];
  const result = (end: StoryEnd): StoryResult => ({
    end,
    writes: powers.map(({ names }) => names),
    slotBytes: powers.map((power) => power.slotBytes),
    cutsMade: powers.filter(({ isOff }) => isOff).length,
  });
  for (let start = 0; start < MAX_STARTS; start += 1) {
    const cut = cuts[start] ?? null;
    const power = new FailingPower({ cut, inPlace: machine.inPlaceFiles, random });
    powers.push(power);
    const end = await runUntilRestart(options, machine, power);
    if (end === 'over') return result(await endOf(options, machine));
    if (end !== 'restart') return result(end);
  }
  return result('stuck');
}

/** Where a device stands when its update is over, by what its next start would run. */
export async function endOf(
  { server, folder, old, next }: Pick<StoryOptions, 'server' | 'folder' | 'old' | 'next'>,
  machine: SimulatedMachine,
): Promise<StoryEnd> {
  const finals = finalReports(server);
  const ids = new Set(finals.map(({ reportId }) => reportId));
  if (ids.size !== 1) throw new Error(`${ids.size} different outcomes were reported`);
  const state = finals[0]?.state ?? 'none';
  const slot = await machine.nextSlot();
  if (slot === null) return 'bricked';
  const runs = machine.contentOf(slot, [old, next]);
  if (runs !== (state === 'confirmed' ? next : old)) return 'wrong_version';
  if (highestConfirmed(folder) !== runs.version) return 'wrong_version';
  return state === 'confirmed' ? 'updated' : state === 'rolled_back' ? 'rolled_back' : 'failed';
}

/** Reported, and nothing of it left to do. */
export function isOver(server: FakeOtaServer, folder: string): boolean {
  if (finalReports(server).length === 0) return false;
  const outbox = readJson(join(folder, 'outbox.json')) as { reports: unknown[] } | null;
  const journal = readJson(join(folder, 'journal.json')) as { phase: string } | null;
  return journal?.phase === 'IDLE' && (outbox === null || outbox.reports.length === 0);
}

async function runUntilRestart(
  options: StoryOptions,
  machine: SimulatedMachine,
  power: FailingPower,
): Promise<'over' | 'restart' | 'bricked' | 'wrong_version' | 'stuck'> {
  const { server, folder } = options;
  const rebooting = Promise.withResolvers<'restart'>();
  const restart = () => rebooting.resolve('restart');
  let agent: DeviceAgent | null = null;
  try {
    agent = await startMachine({ ...options, machine, power, reboot: restart });
    if (agent === null) return 'bricked';
    const over = watch(() => power.isOff || isOver(server, folder));
    const first = await Promise.race([rebooting.promise, agent.done.then(() => 'over'), over]);
    if (power.isOff) await agent.done;
    await agent.stop();
    return first === 'restart' ? 'restart' : first === 'stuck' ? 'stuck' : 'over';
  } catch (error) {
    await agent?.stop().catch(() => undefined);
    if (error instanceof WrongContentError) return 'wrong_version';
    if (error instanceof PowerCutError) return 'restart';
    throw error;
  }
}

async function watch(isDone: () => boolean): Promise<'over' | 'stuck'> {
  const deadline = performance.now() + PATIENCE_MS;
  while (performance.now() < deadline) {
    if (isDone()) return 'over';
    await delay(3);
  }
  return 'stuck';
}

function finalReports(server: FakeOtaServer): UpdateReport[] {
  return server.reports.filter(({ state }) => isFinal(state));
}

function highestConfirmed(folder: string): unknown {
  const history = readJson(join(folder, 'update-history.json'));
  return (history as { highestConfirmedVersion?: unknown } | null)?.highestConfirmedVersion;
}

/** Null when it is not there; all of these are replaced by renaming. */
function readJson(path: string): unknown {
  return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : null;
}
