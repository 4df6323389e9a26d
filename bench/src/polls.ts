import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { openDatabase } from '@flotilla/ota-service/src/db/open-database.ts';
import { CampaignStore } from '@flotilla/ota-service/src/campaigns/campaign-store.ts';
import { readPrivateKey } from '@flotilla/signing';
import type { DataFolder } from '@flotilla/stack/src/data-folder.ts';
import { Shutdown } from '@flotilla/stack/src/shutdown.ts';
import { atMost, type BenchResult, type Goal } from './harness/bench.ts';
import { describeMachine } from './harness/machine.ts';
import { topEntries } from './ingest/cpu-profile.ts';
import { measureEvaluation } from './polls/evaluation.ts';
import { measurePolls, type PollKind } from './polls/poll-kinds.ts';
import { PollRequests } from './polls/requests.ts';
import { openStack } from './polls/stack-under-test.ts';
import { serverOf } from './polls/server.ts';
import { medianOf, pollTable } from './polls/summary.ts';

/** A tenth of what hawkBit 1.1 takes on two cores: about 14 CPU-seconds per 10,000 polls. */
const POLL_LIMIT = 1.4;
const EVALUATION_LIMIT_MS = 1000;
const PROFILE_ENTRIES = 20;

const HEADER = `What does a device's poll cost ota-service, and a campaign's evaluation the warehouse?
Load: POST /device/v1/poll over kept-alive connections from another process, each device with a token
  of its own, devices drawn at random from the whole fleet. Embedded registry (SQLite).
CPU: user + system of /proc/PID/stat of ota-service alone, per 10,000 polls, median of the rounds; what
  it stores of sightings and evaluates meanwhile is in it.`;

/** Arguments: `--devices N`, `--polls N` (of a round), `--rounds N`, `--profile FOLDER`, `--quick`. */
export async function run(args: readonly string[]): Promise<BenchResult> {
  const options = readOptions(args);
  const { devices, profileFolder } = options;
  const machine = describeMachine();
  console.log(`${HEADER}\nMachine: ${JSON.stringify(machine)}`);
  const root = await mkdtemp(join(tmpdir(), 'flotilla-polls-'));
  const shutdown = new Shutdown();
  shutdown.add(() => rm(root, { recursive: true, force: true }));
  try {
    if (profileFolder !== undefined) await mkdir(profileFolder, { recursive: true });
    const stack = await openStack({ root, devices, profileFolder }, shutdown);
    const key = readPrivateKey(await readFile(stack.folder.deviceTokenPrivateKey, 'utf8'));
    const server = serverOf(stack.ota.pid);
    const polls = await measurePolls(stack, new PollRequests(key), server, options);
    console.log(`\n${pollTable(polls.kinds)}`);
    console.log(
      `\nA campaign over ${devices} devices was planned in ${Math.round(polls.creationMs)} ms.`,
    );
    const campaign = await readCampaign(stack.folder, polls.campaignId);
    const evaluation = await measureEvaluation(stack.warehouseUrl, campaign, devices);
    const queryMs = Math.round(medianOf(evaluation.queryMs));
    const memory = Math.round((await server.residentBytes()) / 1e6);
    console.log(`Its evaluation took the warehouse ${queryMs} ms; ota-service holds ${memory} MB.`);
    return {
      figures: { machine, devices, ...polls, evaluation },
      goals: options.isQuick ? [] : [...pollGoals(polls.kinds), evaluationGoal(queryMs)],
    };
  } finally {
    await shutdown.run();
    if (profileFolder !== undefined) await printProfile(profileFolder);
  }
}

function readOptions(args: readonly string[]) {
  const { values } = parseArgs({
    args: [...args],
    options: {
      devices: { type: 'string', default: '1000000' },
      polls: { type: 'string', default: '20000' },
      rounds: { type: 'string', default: '5' },
      profile: { type: 'string' },
      quick: { type: 'boolean', default: false },
    },
  });
  const whole = (text: string): number => {
    const value = Number(text);
    if (!Number.isInteger(value) || value < 1) throw new RangeError(`not a whole number: ${text}`);
    return value;
  };
  return {
    devices: values.quick ? 1000 : whole(values.devices),
    pollsPerRound: values.quick ? 200 : whole(values.polls),
    rounds: values.quick ? 1 : whole(values.rounds),
    profileFolder: values.profile,
    isQuick: values.quick,
  };
}

async function readCampaign(folder: DataFolder, id: string) {
  const database = await openDatabase(folder.databaseUrl);
  try {
    const campaign = await new CampaignStore(database).find(id);
    if (campaign === null) throw new Error(`there is no campaign ${id}`);
    return campaign;
  } finally {
    await database.destroy();
  }
}

function pollGoals(kinds: readonly PollKind[]): Goal[] {
  return kinds
    .filter(({ name }) => name.startsWith('idle'))
    .map(({ name, rounds }) => {
      const cpu = medianOf(rounds.map((round) => round.cpuSecondsPer10k));
      return atMost(`10,000 polls, ${name}`, Number(cpu.toFixed(2)), POLL_LIMIT, 'CPU-s');
    });
}

function evaluationGoal(queryMs: number): Goal {
  return atMost('evaluation of the campaign in the warehouse', queryMs, EVALUATION_LIMIT_MS, 'ms');
}

async function printProfile(folder: string): Promise<void> {
  for (const { place, share } of await topEntries(
    join(folder, 'ota-service.cpuprofile'),
    PROFILE_ENTRIES,
  )) {
    console.log(`  ${(share * 100).toFixed(1).padStart(5)} %  ${place}`);
  }
}
