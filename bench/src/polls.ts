import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { readPrivateKey } from '@flotilla/signing';
import { Shutdown } from '@flotilla/stack/src/shutdown.ts';
import type { BenchResult } from './harness/bench.ts';
import { describeMachine } from './harness/machine.ts';
import { PollRequests } from './polls/requests.ts';
import { measurePolls } from './polls/poll-kinds.ts';
import { openStack } from './polls/stack-under-test.ts';
import { serverOf } from './polls/server.ts';
import { pollTable } from './polls/summary.ts';

export async function run(args: readonly string[]): Promise<BenchResult> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      devices: { type: 'string', default: '1000000' },
      polls: { type: 'string', default: '20000' },
      rounds: { type: 'string', default: '5' },
      profile: { type: 'string' },
    },
  });
  const root = await mkdtemp(join(tmpdir(), 'flotilla-polls-'));
  const shutdown = new Shutdown();
  shutdown.add(() => rm(root, { recursive: true, force: true }));
  const machine = describeMachine();
  console.log(JSON.stringify(machine));
  try {
    if (values.profile !== undefined) await mkdir(values.profile, { recursive: true });
    const devices = Number(values.devices);
    const stack = await openStack({ root, devices, profileFolder: values.profile }, shutdown);
    const key = readPrivateKey(await readFile(stack.folder.deviceTokenPrivateKey, 'utf8'));
    const kinds = await measurePolls(stack, new PollRequests(key), serverOf(stack.ota.pid), {
      devices,
      pollsPerRound: Number(values.polls),
      rounds: Number(values.rounds),
    });
    console.log(pollTable(kinds));
    return { figures: { machine, kinds }, goals: [] };
  } finally {
    await shutdown.run();
  }
}
