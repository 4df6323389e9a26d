import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { DeviceAgent } from '../../src/device-agent.ts';
import { copyPath } from '../../src/slots/boot-environment.ts';
import { ScriptedHost } from '../../src/testing/scripted-firmware.ts';
import { firmwareBundle } from '../../src/testing/test-bundle.ts';
import { AgentBench } from '../agent-bench.ts';

let bench: AgentBench;
beforeEach(async () => {
  bench = await AgentBench.create();
});
afterEach(() => bench.dispose());

const start = () => bench.start({}, { host: new ScriptedHost() });
const onDisk = (...parts: string[]) => join(bench.dir, ...parts);

/** A stopped device whose slot `a` holds confirmed 1.0.0. */
async function stoppedDevice(): Promise<void> {
  const agent = await start();
  const report = await bench.update({ version: '1.0.0', artifact: await firmwareBundle('1.0.0') });
  expect(report.state).toBe('confirmed');
  bench.server.offer = null;
  await agent.stop();
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
      version: '1.1.0',
      artifact: await firmwareBundle('1.1.0'),
      campaignId: 'cmp_000000000002',
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
