import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Deployment } from '@flotilla/contracts';
import { createDelta } from '@flotilla/delta';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { PowerCutError } from '../../src/testing/power-cut.ts';
import { ScriptedHost } from '../../src/testing/scripted-firmware.ts';
import { seekableZstd } from '../../src/testing/seekable-zstd.ts';
import { bundleEntries, tarOf } from '../../src/testing/test-bundle.ts';
import { DEFAULT_UPDATE_SETTINGS } from '../../src/update-settings.ts';
import { AgentBench } from '../agent-bench.ts';

const FRAME_BYTES = 64 * 1024;
const update = { ...DEFAULT_UPDATE_SETTINGS, checkpointBytes: 2 * FRAME_BYTES };

let bench: AgentBench;
let artifact: Buffer;
beforeEach(async () => {
  bench = await AgentBench.create();
  const ballast = { name: 'data/ballast.bin', content: randomBytes(1_500_000) };
  artifact = await tarOf([...bundleEntries('1.0.0'), ballast]);
});
afterEach(() => bench.dispose());

function offer(encoding: 'identity' | 'zstd'): Deployment {
  const deployment = bench.server.deployment({ version: '1.0.0', artifact });
  if (encoding === 'identity') return deployment;
  const served = bench.server.addBlob(seekableZstd(artifact, FRAME_BYTES));
  return { ...deployment, full: { ...served, encoding } };
}

const start = () => bench.start({ update }, { host: new ScriptedHost() });

/** An agent that goes down with the power at one of its checkpoints. */
async function cutOff(fatal = 5): Promise<void> {
  let checkpoints = 0;
  const step = async (name: string, write: () => Promise<void>) => {
    if (name === 'data:checkpoint') checkpoints += 1;
    if (checkpoints === fatal) throw new PowerCutError(name);
    await write();
  };
  const agent = await bench.start({ update }, { host: new ScriptedHost(), step });
  await expect(agent.done).rejects.toThrow(PowerCutError);
}

const onDisk = () => readFileSync(join(bench.dir, 'slots/current/artifact.tar'));
const downloads = (deployment: Deployment) =>
  bench.server.requests.filter(({ path }) => path === deployment.full.path);

describe.each(['identity', 'zstd'] as const)('a full image as %s', (encoding) => {
  it('comes through broken connections without being fetched twice', async () => {
    const deployment = offer(encoding);
    bench.server.faults.set(deployment.full.path, { cutAfterBytes: 300_000, cuts: 3 });
    await start();
    bench.server.offer = deployment;
    const report = await bench.finalReport();
    expect(report.state).toBe('confirmed');
    expect(onDisk().equals(artifact)).toBe(true);
    const ranges = downloads(deployment).map(({ range }) => range);
    expect(ranges.length).toBeGreaterThan(1);
    expect(ranges[0]).toBeUndefined();
    // A try that broke off is repeated from its last frame, never from the start.
    const repeatable = ranges.length * (FRAME_BYTES + 1_000);
    expect(report.transferBytes).toBeLessThan(deployment.full.sizeBytes + repeatable);
  });

  it('goes on at its last checkpoint after a power cut, with the slot as the only copy', async () => {
    const deployment = offer(encoding);
    bench.server.offer = deployment;
    await cutOff();
    const before = downloads(deployment).length;
    await start();
    const report = await bench.finalReport();
    expect(report.state).toBe('confirmed');
    expect(onDisk().equals(artifact)).toBe(true);
    const [resumed] = downloads(deployment).slice(before);
    const from = Number(/^bytes=(\d+)-$/.exec(resumed?.range ?? '')?.[1]);
    expect(from).toBeGreaterThanOrEqual(3.5 * update.checkpointBytes);
  });

  it('begins anew once when what an earlier run wrote was damaged since', async () => {
    const deployment = offer(encoding);
    bench.server.offer = deployment;
    await cutOff();
    const path = join(bench.dir, 'slots/a/artifact.tar');
    const damaged = readFileSync(path);
    damaged[1000]! ^= 1;
    writeFileSync(path, damaged);
    const before = downloads(deployment).length;
    await start();
    expect((await bench.finalReport()).state).toBe('confirmed');
    expect(onDisk().equals(artifact)).toBe(true);
    const ranges = downloads(deployment)
      .slice(before)
      .map(({ range }) => range);
    expect(ranges).toEqual([expect.stringMatching(/^bytes=/), undefined]);
  });
});

describe('a delta', () => {
  it('goes on within its target after a power cut', async () => {
    const ballast = { name: 'data/ballast.bin', content: randomBytes(1_500_000) };
    const base = await tarOf([...bundleEntries('1.0.0'), ballast]);
    artifact = await tarOf([...bundleEntries('1.1.0'), ballast]);
    const first = await start();
    await bench.update({ version: '1.0.0', artifact: base });
    await first.stop();
    const campaignId = 'cmp_000000000002';
    const delta = Buffer.from(createDelta(base, artifact, { blockBits: 18 }));
    const options = { version: '1.1.0', artifact, base, delta, campaignId };
    bench.server.offer = bench.server.deployment(options);
    await cutOff(4);
    const journal = JSON.parse(readFileSync(join(bench.dir, 'journal.json'), 'utf8')) as {
      attempt: { progress: { targetOffsetBytes: number } };
    };
    expect(journal.attempt.progress.targetOffsetBytes).toBe(3 * 2 ** 18);
    await start();
    const report = await bench.finalReport(campaignId);
    expect(report).toMatchObject({ state: 'confirmed', usedDelta: true });
    expect(onDisk().equals(artifact)).toBe(true);
    // The patch crossed the network once.
    expect(report.transferBytes).toBe(delta.length);
  });
});
