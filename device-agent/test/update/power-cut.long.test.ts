import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isFinal, type UpdateReport } from '@flotilla/contracts';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { DeviceAgent } from '../../src/device-agent.ts';
import { sha256 } from '../../src/testing/fake-ota-server.ts';
import { CuttablePower, PowerCutError, type Cut } from '../../src/testing/power-cut.ts';
import { ScriptedHost } from '../../src/testing/scripted-firmware.ts';
import { firmwareBundle } from '../../src/testing/test-bundle.ts';
import { FAST_TUNING } from '../../src/testing/test-settings.ts';
import { AgentBench } from '../agent-bench.ts';

const second = 'cmp_000000000002';
const settings = {
  trialMs: 10,
  tuning: { ...FAST_TUNING, probeIntervalMs: 5, networkBackOff: { baseMs: 5, maxMs: 10 } },
};

let base: Buffer;
let good: Buffer;
let crashing: Buffer;
beforeEach(async () => {
  base = await firmwareBundle('1.0.0');
  good = await firmwareBundle('1.1.0');
  crashing = await firmwareBundle('1.1.0', 'crashing');
});

let bench: AgentBench;
afterEach(() => bench.dispose());

interface Story {
  readonly outcome: UpdateReport;
  readonly writes: readonly string[];
  readonly cutsMade: number;
}

/** A device on 1.0.0 takes 1.1.0 while the power goes at each of the cuts, one per run. */
async function play(artifact: Buffer, cuts: readonly Cut[]): Promise<Story> {
  bench = await AgentBench.create();
  bench.server.pollAfterMs = 5;
  const first = await bench.start(settings, { host: new ScriptedHost() });
  await bench.update({ version: '1.0.0', artifact: base });
  bench.server.offer = null;
  await vi.waitFor(() => expect(readOutbox()).toEqual([]), { timeout: 20_000 });
  await first.stop();
  bench.server.offer = bench.server.deployment({ version: '1.1.0', artifact, campaignId: second });
  const writes: string[] = [];
  let cutsMade = 0;
  for (const cut of [...cuts, null]) {
    const power = new CuttablePower(cut);
    const agent = await bench.start(settings, { host: new ScriptedHost(), step: power.step });
    await outcomeOrCut(agent, power);
    writes.push(...power.names);
    if (power.isOff) cutsMade += 1;
    else {
      await vi.waitFor(() => expect(readOutbox()).toEqual([]), { timeout: 20_000 });
      // The cut may fall just behind the very last write: then the story is over as well.
      await agent.stop().catch(acceptCut);
      break;
    }
  }
  return { outcome: await bench.finalReport(second), writes, cutsMade };
}

function acceptCut(error: unknown): void {
  if (!(error instanceof PowerCutError)) throw error;
}

async function outcomeOrCut(agent: DeviceAgent, power: CuttablePower): Promise<void> {
  const cut = agent.done.catch(acceptCut);
  const settled = vi.waitFor(
    () => {
      if (power.isOff) return;
      expect(finals().length).toBeGreaterThan(0);
      expect(JSON.parse(readFileSync(join(bench.dir, 'journal.json'), 'utf8'))).toMatchObject({
        phase: 'IDLE',
      });
      expect(readOutbox()).toEqual([]);
    },
    { timeout: 20_000, interval: 3 },
  );
  await Promise.race([cut, settled]);
  if (power.isOff) await cut;
}

function finals(): UpdateReport[] {
  return bench.server.reports.filter((r) => r.campaignId === second && isFinal(r.state));
}

function readOutbox(): unknown[] {
  const path = join(bench.dir, 'outbox.json');
  if (!existsSync(path)) return [];
  return (JSON.parse(readFileSync(path, 'utf8')) as { reports: unknown[] }).reports;
}

/** Disk, registry and telemetry agree on one end. */
function checkEnd({ outcome }: Story, artifact: Buffer): void {
  const running = outcome.state === 'confirmed' ? artifact : base;
  const onDisk = readFileSync(join(bench.dir, 'slots/current/artifact.tar'));
  expect(sha256(onDisk)).toBe(sha256(running));
  const ids = new Set(finals().map((r) => r.reportId));
  expect(ids.size).toBe(1);
  const told = bench.telemetry.reports.filter((r) => ids.has(r.reportId));
  expect(told.length).toBeGreaterThan(0);
  const history = JSON.parse(readFileSync(join(bench.dir, 'update-history.json'), 'utf8')) as {
    highestConfirmedVersion: string;
    finished: unknown[];
  };
  expect(history.highestConfirmedVersion).toBe(outcome.state === 'confirmed' ? '1.1.0' : '1.0.0');
  expect(history.finished).toHaveLength(2);
}

describe('a power cut at any durable write', () => {
  it.each([
    ['good', () => good, 'confirmed'],
    ['crashing', () => crashing, 'rolled_back'],
  ] as const)(
    'with %s firmware ends as it would have without',
    async (_kind, artifact, state) => {
      const plain = await play(artifact(), []);
      expect(plain.outcome.state).toBe(state);
      checkEnd(plain, artifact());
      await bench.dispose();
      const names = plain.writes;
      expect(names).toEqual(
        expect.arrayContaining([
          'journal:DOWNLOADING',
          'journal:INSTALLING',
          'env:invalidate',
          'data:first',
          'data:sync',
          'slot:content',
          'env:written',
          'journal:VERIFIED',
          'env:arm',
          'journal:ARMED',
          'env:boot:b',
          'journal:TRIAL',
          'outbox:add',
          'outbox:ack',
          'history:finished',
          'journal:IDLE',
        ]),
      );
      let cutsMade = 0;
      for (let index = 1; index <= names.length; index += 1) {
        for (const side of ['before', 'after'] as const) {
          const story = await play(artifact(), [{ index, side }]);
          cutsMade += story.cutsMade;
          // Whole, so that a failure tells its reason.
          expect.soft(story.outcome, `cut ${side} ${names[index - 1]!}`).toMatchObject({ state });
          checkEnd(story, artifact());
          await bench.dispose();
        }
      }
      // Timers decide how many writes a run has, so the last few cuts may find none.
      expect(cutsMade).toBeGreaterThan(1.5 * names.length);
    },
    300_000,
  );

  it('twice in a row ends as well', async () => {
    for (let index = 2; index <= 20; index += 3) {
      for (const second of [1, 2, 4, 7]) {
        const cuts: Cut[] = [
          { index, side: 'after' },
          { index: second, side: 'before' },
        ];
        const story = await play(good, cuts);
        expect(story.cutsMade).toBeGreaterThan(0);
        // Two of three trial boots may go to the cuts; the third is left.
        expect(story.outcome.state).toBe('confirmed');
        checkEnd(story, good);
        await bench.dispose();
      }
    }
  }, 300_000);
});
