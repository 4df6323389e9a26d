import {
  appendFileSync,
  chmodSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { DeviceAgent } from '../../src/device-agent.ts';
import type { DurableStep } from '../../src/disk/durable-step.ts';
import { copyPath } from '../../src/slots/boot-environment.ts';
import { PowerCutError } from '../../src/testing/power-cut.ts';
import { ScriptedHost } from '../../src/testing/scripted-firmware.ts';
import { firmwareBundle, type FirmwareKind } from '../../src/testing/test-bundle.ts';
import { AgentBench } from '../agent-bench.ts';

const second = 'cmp_000000000002';
const third = 'cmp_000000000003';

let bench: AgentBench;
beforeEach(async () => {
  bench = await AgentBench.create();
});
afterEach(() => bench.dispose());

const start = () => bench.start({}, { host: new ScriptedHost() });
const offer = async (version: string, kind?: FirmwareKind) => ({
  version,
  artifact: await firmwareBundle(version, kind),
});
const DATA_FILE = 'data/table.bin';
const onDisk = (...parts: string[]) => join(bench.dir, ...parts);

/** A stopped device whose slot `a` holds confirmed 1.0.0. */
async function stoppedDevice(): Promise<void> {
  const agent = await start();
  const report = await bench.update(await offer('1.0.0'));
  expect(report.state).toBe('confirmed');
  bench.server.offer = null;
  await agent.stop();
}

/** As above, and slot `b` holds 1.1.0, confirmed after it. */
async function stoppedAfterUpdate(): Promise<void> {
  await stoppedDevice();
  const agent = await start();
  const report = await bench.update({ ...(await offer('1.1.0')), campaignId: second });
  expect(report.state).toBe('confirmed');
  bench.server.offer = null;
  await agent.stop();
}

/** Takes an offer until the power goes right after the durable write of that name. */
async function cutAfter(
  write: string,
  version: string,
  campaignId: string,
  kind?: FirmwareKind,
): Promise<void> {
  bench.server.offer = bench.server.deployment({ ...(await offer(version, kind)), campaignId });
  let isOff = false;
  const step: DurableStep = async (name, save) => {
    if (!isOff) await save();
    isOff ||= name === write;
    if (isOff) throw new PowerCutError(name);
  };
  const agent = await bench.start({}, { host: new ScriptedHost(), step });
  await expect(agent.done).rejects.toThrow(PowerCutError);
}

function damageEnvironment(): void {
  for (const index of [0, 1] as const) writeFileSync(copyPath(onDisk('boot'), index), 'damaged');
}

/** What the agent says it runs, once it polls; a crash of the agent fails the test at once. */
async function polledVersion(agent: DeviceAgent, expected: string | null): Promise<void> {
  const before = bench.server.polls.length;
  const polled = expect
    .poll(() => bench.server.polls.slice(before).at(-1)?.runningVersion, { timeout: 10_000 })
    .toBe(expected);
  await Promise.race([polled, agent.done]);
  await polled;
}

describe('a damaged content.json', () => {
  it('does not end the agent in a crash loop: it still polls and takes new firmware', async () => {
    await stoppedDevice();
    writeFileSync(onDisk('slots/a/content.json'), '{"version":');
    await polledVersion(await start(), null);
    const report = await bench.update({
      ...(await offer('1.1.0')),
      campaignId: second,
    });
    expect(report.state).toBe('confirmed');
  });

  it('does not keep the agent from starting when the boot environment is lost too', async () => {
    await stoppedDevice();
    writeFileSync(onDisk('slots/a/content.json'), '{"version":"1.0.0"}');
    damageEnvironment();
    await polledVersion(await start(), null);
  });
});

/** Of the same length, so that only its content tells. */
function flipByte(file: string): void {
  const bytes = readFileSync(file);
  bytes[0] = (bytes[0] ?? 0) ^ 1;
  writeFileSync(file, bytes);
}

/** Neither as unpacked nor as delivered. */
function loseSlotB(): void {
  rmSync(onDisk('slots/b/tree'), { recursive: true });
  appendFileSync(onDisk('slots/b/artifact.tar'), 'x');
}

describe('a confirmed slot whose unpacked files are damaged', () => {
  it('is unpacked again from its artifact', async () => {
    await stoppedAfterUpdate();
    const before = bench.runningSlotDigest();
    rmSync(onDisk('slots/b/tree/bundle.json'));
    rmSync(onDisk('slots/b/tree/data'), { recursive: true });
    await polledVersion(await start(), '1.1.0');
    expect(bench.runningSlotDigest()).toBe(before);
  });

  it.each<[string, (file: string) => void]>([
    ['other bytes', (file) => flipByte(file)],
    ['its end missing', (file) => truncateSync(file, 1)],
    ['another mode', (file) => chmodSync(file, 0o755)],
    ['gone', (file) => unlinkSync(file)],
  ])('is unpacked again when one of them has, or is: %s', async (_, damage) => {
    await stoppedAfterUpdate();
    const before = bench.runningSlotDigest();
    const file = onDisk('slots/b/tree', DATA_FILE);
    damage(file);
    await polledVersion(await start(), '1.1.0');
    expect(bench.runningSlotDigest()).toBe(before);
    expect(statSync(file).mode & 0o777).toBe(0o644);
  });

  it('runs as it is when it is all that is left', async () => {
    await stoppedDevice();
    flipByte(onDisk('slots/a/tree', DATA_FILE));
    appendFileSync(onDisk('slots/a/artifact.tar'), 'x');
    await polledVersion(await start(), '1.0.0');
  });

  it.each(['before', 'after'] as const)(
    'is unpacked again when the power goes %s that is done',
    async (side) => {
      await stoppedAfterUpdate();
      const before = bench.runningSlotDigest();
      rmSync(onDisk('slots/b/tree/bundle.json'));
      let isOff = false;
      const step: DurableStep = async (name, save) => {
        const isCut = name === 'slot:repair';
        if (!isOff && !(isCut && side === 'before')) await save();
        isOff ||= isCut;
        if (isOff) throw new PowerCutError(name);
      };
      const agent = await bench.start({}, { host: new ScriptedHost(), step });
      await expect(agent.done).rejects.toThrow(PowerCutError);
      await polledVersion(await start(), '1.1.0');
      expect(bench.runningSlotDigest()).toBe(before);
    },
  );
});

describe('a slot that became unreadable', () => {
  it('does not leave the device without firmware while the other slot is intact', async () => {
    await stoppedAfterUpdate();
    loseSlotB();
    const agent = await start();
    await polledVersion(agent, '1.0.0');
    await agent.stop();
    await polledVersion(await start(), '1.0.0');
  });

  it('does not hide the intact one when the boot environment is lost', async () => {
    await stoppedAfterUpdate();
    appendFileSync(onDisk('slots/b/artifact.tar'), 'x');
    damageEnvironment();
    await polledVersion(await start(), '1.0.0');
  });

  it('is the target of the download that began while the other one still ran', async () => {
    await stoppedAfterUpdate();
    await cutAfter('journal:DOWNLOADING', '1.2.0', third);
    loseSlotB();
    const agent = await start();
    const report = await bench.finalReport(third);
    expect(report).toMatchObject({ state: 'confirmed', fromVersion: '1.0.0' });
    await polledVersion(agent, '1.2.0');
  });

  it('on trial is rolled back with the reason instead of spending every try', async () => {
    await stoppedDevice();
    await cutAfter('env:arm', '1.1.0', second);
    rmSync(onDisk('slots/b/tree/bundle.json'));
    const boots: string[] = [];
    const step: DurableStep = async (name, save) => {
      boots.push(name);
      await save();
    };
    await bench.start({}, { host: new ScriptedHost(), step });
    const report = await bench.finalReport(second);
    expect(report).toMatchObject({ state: 'rolled_back', reason: 'trial_crashed' });
    expect(report.detail).toContain('no readable bundle.json');
    expect(boots.filter((name) => name === 'env:boot:b')).toHaveLength(1);
  });
});

describe('what a device remembers, lost during a trial', () => {
  it('the journal: the update is not confirmed without proof, but tried again', async () => {
    await stoppedDevice();
    await cutAfter('journal:TRIAL', '1.1.0', second, 'crashing');
    writeFileSync(onDisk('journal.json'), 'damaged');
    const agent = await start();
    const report = await bench.finalReport(second);
    expect(report).toMatchObject({ state: 'rolled_back', reason: 'trial_crashed' });
    await polledVersion(agent, '1.0.0');
  });

  it('the boot environment: the slot on trial is not taken for a good one', async () => {
    await stoppedDevice();
    await cutAfter('journal:TRIAL', '1.1.0', second);
    damageEnvironment();
    const agent = await start();
    const report = await bench.finalReport(second);
    expect(report).toMatchObject({ state: 'rolled_back', reason: 'internal_error' });
    expect(report.detail).toContain('the boot environment was lost');
    await polledVersion(agent, '1.0.0');
  });

  it('the boot environment, during the first trial of all: it failed', async () => {
    await cutAfter('journal:TRIAL', '1.0.0', second);
    damageEnvironment();
    const agent = await start();
    expect(await bench.finalReport(second)).toMatchObject({ state: 'failed', fromVersion: null });
    await polledVersion(agent, null);
  });

  it('both: the slot that was confirmed runs', async () => {
    await stoppedDevice();
    await cutAfter('journal:TRIAL', '1.1.0', second);
    bench.server.offer = null;
    damageEnvironment();
    writeFileSync(onDisk('journal.json'), 'damaged');
    await polledVersion(await start(), '1.0.0');
  });
});
