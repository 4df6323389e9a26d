import { fork, type ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it, onTestFailed, vi } from 'vitest';
import { processStartTime } from '../src/firmware/process-identity.ts';
import { sha256 } from '../src/testing/fake-ota-server.ts';
import { PLAN_VARIABLE, type KillableAgentPlan } from '../src/testing/killable-agent.ts';
import { readRecordedReports } from '../src/testing/recording-telemetry.ts';
import { firmwareBundle } from '../src/testing/test-bundle.ts';
import { AgentBench, freePort } from './agent-bench.ts';

const ENTRY = fileURLToPath(new URL('../src/testing/killable-agent.ts', import.meta.url));
const second = 'cmp_000000000002';

let bench: AgentBench;
let port: number;
let children: ChildProcess[];
/** What all agents of a test wrote, shown when it fails. */
let log: string;
beforeEach(async () => {
  bench = await AgentBench.create();
  port = await freePort();
  children = [];
  log = '';
  onTestFailed(() => console.error(log));
});
afterEach(async () => {
  for (const child of children) await end(child, 'SIGTERM');
  await bench.dispose();
});

function launch(killAt: KillableAgentPlan['killAt']): ChildProcess {
  const plan: KillableAgentPlan = {
    deviceDir: bench.dir,
    otaUrl: bench.server.url,
    pinnedRoot: bench.server.pinnedRoot,
    firmwarePort: port,
    trialMs: 300,
    reportsFile: join(bench.dir, 'recorded.jsonl'),
    killAt,
  };
  const env = { PATH: process.env.PATH, [PLAN_VARIABLE]: JSON.stringify(plan) };
  const child = fork(ENTRY, [], { env, execPath: process.execPath, execArgv: [], silent: true });
  children.push(child);
  child.stderr?.on('data', (chunk: Buffer) => (log += chunk.toString()));
  child.stdout?.resume();
  return child;
}

async function exitOf(child: ChildProcess): Promise<NodeJS.Signals | number | null> {
  if (child.exitCode !== null || child.signalCode !== null)
    return child.signalCode ?? child.exitCode;
  return new Promise((resolve) => child.once('exit', (code, signal) => resolve(signal ?? code)));
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<unknown> {
  child.kill(signal);
  return exitOf(child);
}

async function answering(version: string): Promise<number> {
  return vi.waitFor(
    async () => {
      const answer = (await (await fetch(`http://127.0.0.1:${port}/`)).json()) as {
        version: string;
        pid: number;
      };
      expect(answer.version).toBe(version);
      return answer.pid;
    },
    { timeout: 20_000, interval: 50 },
  );
}

/** An update that fails never reaches the write at which it should be killed: then say why. */
async function killedOrReported(child: ChildProcess): Promise<unknown> {
  const reported = bench.finalReport(second);
  reported.catch(() => undefined);
  return Promise.race([exitOf(child), reported]);
}

describe('kill -9 of the agent process', () => {
  it.each([
    ['journal:DOWNLOADING', 'after'],
    ['journal:INSTALLING', 'after'],
    ['data:first', 'after'],
    ['journal:VERIFIED', 'after'],
    ['env:arm', 'after'],
    ['journal:ARMED', 'after'],
    ['journal:TRIAL', 'after'],
    ['env:confirm', 'before'],
    ['env:confirm', 'after'],
    ['journal:CONFIRMED', 'after'],
    ['outbox:ack', 'before'],
  ] as const)('at %s, %s it: the next one completes the update', async (name, side) => {
    const base = await firmwareBundle('1.0.0');
    const next = await firmwareBundle('1.1.0');
    const first = launch(null);
    const installed = await bench.update({ version: '1.0.0', artifact: base });
    expect(installed.state).toBe('confirmed');
    expect(await end(first, 'SIGTERM')).toBe(0);
    bench.server.offer = bench.server.deployment({
      version: '1.1.0',
      artifact: next,
      base,
      campaignId: second,
    });
    expect(await killedOrReported(launch({ name, side }))).toBe('SIGKILL');
    launch(null);
    expect(await bench.finalReport(second)).toMatchObject({ state: 'confirmed', usedDelta: true });
    await answering('1.1.0');
    expect(sha256(readFileSync(join(bench.dir, 'slots/current/artifact.tar')))).toBe(sha256(next));
    const finals = bench.server.distinctReports.filter(
      (r) => r.state === 'confirmed' && r.campaignId === second,
    );
    expect(finals).toHaveLength(1);
    const recorded = readRecordedReports(join(bench.dir, 'recorded.jsonl')).map((r) => r.reportId);
    expect(recorded).toEqual(expect.arrayContaining(bench.server.reports.map((r) => r.reportId)));
  });

  it('leaves a firmware behind, which the next agent ends before it starts its own', async () => {
    const first = launch(null);
    await bench.update({ version: '1.0.0', artifact: await firmwareBundle('1.0.0') });
    const orphan = await answering('1.0.0');
    expect(await end(first, 'SIGKILL')).toBe('SIGKILL');
    expect(await answering('1.0.0')).toBe(orphan);
    launch(null);
    await vi.waitFor(async () => expect(await answering('1.0.0')).not.toBe(orphan), {
      timeout: 20_000,
    });
    expect(processStartTime(orphan)).toBeNull();
  });

  it('is not needed to stop it: SIGTERM ends agent and firmware with code 0', async () => {
    const agent = launch(null);
    await bench.update({ version: '1.0.0', artifact: await firmwareBundle('1.0.0') });
    const pid = await answering('1.0.0');
    expect(await end(agent, 'SIGTERM')).toBe(0);
    expect(processStartTime(pid)).toBeNull();
  });
});
