import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Deployment, UpdateReport } from '@flotilla/contracts';
import { TestRepository } from '@flotilla/trust/testing';
import { pino } from 'pino';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { sha256 } from '../../src/testing/fake-ota-server.ts';
import { ScriptedHost } from '../../src/testing/scripted-firmware.ts';
import { firmwareBundle } from '../../src/testing/test-bundle.ts';
import { AgentBench } from '../agent-bench.ts';
import { SECOND, type Attack, type AttackWorld } from './attack.ts';
import { FIRMWARE_ATTACKS } from './firmware-attacks.ts';
import { METADATA_ATTACKS } from './metadata-attacks.ts';

interface Row {
  readonly attack: string;
  readonly stoppedAt: string;
  readonly reason: string;
  readonly detail: string;
}

const rows: Row[] = [];
let bench: AgentBench;
let log: string[];
afterEach(() => bench.dispose());
afterAll(() => process.stdout.write(tableOf(rows)));

/** A device on 1.1.0 that takes a threshold of two, and a clock that the attack may turn. */
async function deviceUnder(attack: Attack): Promise<AttackWorld> {
  let skewMs = 0;
  const now = () => Date.now() + skewMs;
  const repository = new TestRepository({ threshold: 2, now });
  bench = await AgentBench.create(repository);
  log = [];
  const logger = pino({ level: 'warn' }, { write: (line: string) => log.push(line) });
  await bench.start(attack.settings, { host: new ScriptedHost(), now, logger });
  const base = await firmwareBundle('1.1.0');
  const next = await firmwareBundle('1.2.0');
  const first = await bench.update({ version: '1.1.0', artifact: base });
  expect(first.state).toBe('confirmed');
  bench.server.offer = null;
  return {
    bench,
    repository,
    base,
    next,
    offer: (change = {}) =>
      bench.server.deployment({ version: '1.2.0', artifact: next, campaignId: SECOND, ...change }),
    seeMore: async () => {
      const artifact = await firmwareBundle('1.1.1');
      const report = await bench.update({ version: '1.1.1', artifact, round: 2 });
      expect(report.state).toBe('confirmed');
      bench.server.offer = null;
    },
    wait: (ms) => (skewMs += ms),
  };
}

/** What the device says; of an attack that ends no update, why it waits. */
async function outcomeOf(attack: Attack): Promise<Pick<UpdateReport, 'reason' | 'detail'>> {
  if (attack.reason !== null) {
    const report = await bench.finalReport(SECOND);
    expect(report).toMatchObject({ state: 'failed', reason: attack.reason });
    return report;
  }
  const waiting = () => log.find((line) => line.includes('the offer has to wait'));
  await expect.poll(waiting, { timeout: 20_000 }).toBeDefined();
  expect(bench.server.reports.some((report) => report.campaignId === SECOND)).toBe(false);
  const { why } = JSON.parse(waiting() ?? '{}') as { why: string };
  return { reason: 'metadata_unavailable', detail: why };
}

/** By what the device fetched and reported, not by what the attack's list says. */
function stageOf(outcome: Pick<UpdateReport, 'reason'>, downloads: number): string {
  if (downloads === 0) return outcome.reason?.startsWith('metadata_') ? 'metadata' : 'target';
  return outcome.reason === 'bundle_invalid' ? 'slot' : 'transfer';
}

describe('an attacker in the place of ota-service', () => {
  it.each([...METADATA_ATTACKS, ...FIRMWARE_ATTACKS])('$name', async (attack) => {
    const world = await deviceUnder(attack);
    const deployment: Deployment = await attack.strike(world);
    const digest = bench.runningSlotDigest();
    const running = sha256(readFileSync(join(bench.dir, 'slots/current/artifact.tar')));
    const downloads = bench.server.requests.length;
    bench.server.offer = deployment;
    const outcome = await outcomeOf(attack);
    const fetched = bench.server.requests.length - downloads;
    const stoppedAt = stageOf(outcome, fetched);
    rows.push({
      attack: attack.name,
      stoppedAt,
      reason: `${outcome.reason}`,
      detail: `${outcome.detail}`,
    });
    expect(stoppedAt).toBe(attack.stoppedAt);
    expect(bench.runningSlotDigest()).toBe(digest);
    expect(existsSync(join(bench.dir, '..', 'evil'))).toBe(false);
    // It still works, on the firmware that it had, and takes the offer up no more.
    const polls = bench.server.polls.length;
    await expect
      .poll(() => bench.server.polls.length, { timeout: 20_000 })
      .toBeGreaterThan(polls + 1);
    expect(bench.server.polls.at(-1)).toMatchObject({
      runningSha256: running,
      ...(attack.settings?.hardwareRevision && {
        hardwareRevision: attack.settings.hardwareRevision,
      }),
    });
    expect(bench.server.requests.length - downloads).toBe(fetched);
  });
});

function tableOf(all: readonly Row[]): string {
  const line = ({ attack, stoppedAt, reason, detail }: Row) =>
    `${attack.padEnd(62)} ${stoppedAt.padEnd(9)} ${reason.padEnd(27)} ${detail.slice(0, 110)}\n`;
  const head = line({
    attack: 'attack',
    stoppedAt: 'stopped',
    reason: 'reported',
    detail: 'in words',
  });
  return `\n${head}${all.map(line).join('')}`;
}
