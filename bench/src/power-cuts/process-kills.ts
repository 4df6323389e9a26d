import { fork, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { FakeOtaServer } from '@flotilla/device-agent/src/testing/fake-ota-server.ts';
import type { MatrixCell } from '@flotilla/device-agent/src/testing/power-cut/cut-matrix.ts';
import type { PowerCut } from '@flotilla/device-agent/src/testing/power-cut/failing-power.ts';
import {
  EXIT_BRICKED,
  EXIT_REBOOT,
  EXIT_WRONG,
  MACHINE_PLAN_VARIABLE,
  type MachinePlan,
} from '@flotilla/device-agent/src/testing/power-cut/killable-machine.ts';
import {
  SimulatedMachine,
  type Artifact,
  type DeviceKind,
} from '@flotilla/device-agent/src/testing/power-cut/simulated-machine.ts';
import {
  endOf,
  isOver,
  type StoryEnd,
} from '@flotilla/device-agent/src/testing/power-cut/update-story.ts';

const ENTRY = fileURLToPath(
  import.meta.resolve('@flotilla/device-agent/src/testing/power-cut/killable-machine.ts'),
);
/** Of each update; the starts after them are left alone. Two of a trial's three boots may go to cuts. */
const KILLS = 6;
const MAX_STARTS = 40;
const PATIENCE_MS = 120_000;
/** An agent that starts, and takes an update in, takes about so long. */
const LONGEST_RUN_MS = 1_500;

export interface KillOptions {
  readonly kind: DeviceKind;
  readonly old: Artifact;
  readonly next: Artifact;
  readonly random: () => number;
  readonly updates: number;
}

interface Run extends KillOptions {
  readonly server: FakeOtaServer;
  readonly folder: string;
  readonly machine: SimulatedMachine;
}

/** Updates by agents of a process of their own, each of which is killed several times on the way. */
export async function playKills(options: KillOptions): Promise<MatrixCell[]> {
  const { kind, next } = options;
  const server = await FakeOtaServer.start();
  const release = { format: kind === 'directory' ? 'tar' : 'image' } as const;
  server.offer = server.deployment({ version: next.version, artifact: next.bytes, release });
  const cells: MatrixCell[] = [];
  try {
    for (let update = 0; update < options.updates; update += 1) {
      const folder = mkdtempSync(join(tmpdir(), 'flotilla-kills-'));
      const machine = new SimulatedMachine(kind, folder);
      const { end, kills } = await playUpdate({ ...options, server, folder, machine });
      cells.push({ step: 'SIGKILL', end, cuts: kills });
      rmSync(folder, { recursive: true, force: true });
    }
  } finally {
    await server.stop();
  }
  return cells;
}

async function playUpdate(run: Run): Promise<{ end: StoryEnd; kills: number }> {
  const { machine, server, old, next, folder, random } = run;
  await machine.provision(old, 2 * next.sizeBytes);
  for (const one of [old, next]) writeFileSync(join(folder, `${one.version}.bin`), one.bytes);
  server.reports.length = 0;
  let kills = 0;
  let trialCuts = 0;
  for (let start = 0; start < MAX_STARTS; start += 1) {
    const isTrial = machine.contentOf('b', [next]) !== null;
    const mayDie = kills < KILLS && (!isTrial || trialCuts < 2);
    const code = await runOnce(run, mayDie ? momentOf(random, next.sizeBytes) : null);
    if (code === 'SIGKILL') {
      kills += 1;
      if (isTrial) trialCuts += 1;
    } else if (code === EXIT_BRICKED) return { end: 'bricked', kills };
    else if (code === EXIT_WRONG) return { end: 'wrong_version', kills };
    else if (code === 'over') return { end: await endOf(run, machine), kills };
    else if (code === 'stuck') return { end: 'stuck', kills };
    else if (code !== EXIT_REBOOT) throw new Error(`the agent ended with ${String(code)}`);
  }
  return { end: 'stuck', kills };
}

/** From outside after a time, or from within: at a byte of the slot, or in the middle of a durable write. */
function momentOf(random: () => number, sizeBytes: number): PowerCut | { afterMs: number } {
  const kind = Math.floor(3 * random());
  if (kind === 0) return { afterMs: random() * LONGEST_RUN_MS };
  if (kind === 1) return { kind: 'byte', atByte: 1 + Math.floor(random() * sizeBytes) };
  return { kind: 'write', index: 1 + Math.floor(random() * 30), side: 'torn' };
}

type Ending = NodeJS.Signals | number | null | 'over' | 'stuck';

async function runOnce(run: Run, moment: PowerCut | { afterMs: number } | null): Promise<Ending> {
  const { server, folder, kind, old, next } = run;
  const cut = moment !== null && 'kind' in moment ? moment : null;
  const { url, pinnedRoot } = server;
  const versions = [old.version, next.version] as const;
  const plan: MachinePlan = { kind, folder, url, pinnedRoot, versions, cut };
  const env = { PATH: process.env['PATH'], [MACHINE_PLAN_VARIABLE]: JSON.stringify(plan) };
  const child = fork(ENTRY, [], {
    env,
    execArgv: [],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const ended = endingOf(child);
  if (moment !== null && 'afterMs' in moment) {
    setTimeout(() => child.kill('SIGKILL'), moment.afterMs).unref();
  }
  const deadline = performance.now() + PATIENCE_MS;
  while (child.exitCode === null && child.signalCode === null) {
    const isLate = performance.now() > deadline;
    if (isLate || isOver(server, folder)) {
      child.kill('SIGKILL');
      await ended;
      return isLate ? 'stuck' : 'over';
    }
    await Promise.race([ended, delay(20)]);
  }
  return ended;
}

function endingOf(child: ChildProcess): Promise<NodeJS.Signals | number | null> {
  return new Promise((resolve) => {
    child.once('exit', (code, signal) => resolve(signal ?? code));
  });
}
