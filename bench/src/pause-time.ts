import { randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { pollResponseSchema, type CampaignView, type UpdateReportInput } from '@flotilla/contracts';
import { readPrivateKey } from '@flotilla/signing';
import { Shutdown } from '@flotilla/stack/src/shutdown.ts';
import { atMost, type BenchResult } from './harness/bench.ts';
import { describeMachine } from './harness/machine.ts';
import {
  BASE_VERSION,
  deviceId,
  FIRMWARE_ID,
  MODEL,
  NEXT_VERSION,
  POLL_BODY,
} from './polls/fleet.ts';
import { PollRequests } from './polls/requests.ts';
import { openStack, type StackUnderTest } from './polls/stack-under-test.ts';
import { medianOf } from './polls/summary.ts';

const DEVICES = 100;
/** "Within seconds of the failing records". */
const LIMIT_MS = 5000;
const PATIENCE_MS = 60_000;
const LOOK_EVERY_MS = 10;

const HEADER = `How long from a failing record to the pause?
Load: a campaign whose canary is one of ${DEVICES} devices; it reports a rollback, and from the answer that its record is
  accepted the campaign is asked for every ${LOOK_EVERY_MS} ms until it is paused. Then it is resumed, and again.
Stack: ota-service, pipeline and warehouse as processes of their own; the record goes through the log and the warehouse.`;

/** Arguments: `--rounds N`. */
export async function run(args: readonly string[]): Promise<BenchResult> {
  const { values } = parseArgs({
    args: [...args],
    options: { rounds: { type: 'string', default: '20' } },
  });
  const machine = describeMachine();
  console.log(`${HEADER}\nMachine: ${JSON.stringify(machine)}`);
  const root = await mkdtemp(join(tmpdir(), 'flotilla-pause-'));
  const shutdown = new Shutdown();
  shutdown.add(() => rm(root, { recursive: true, force: true }));
  try {
    const stack = await openStack({ root, devices: DEVICES }, shutdown);
    const key = readPrivateKey(await readFile(stack.folder.deviceTokenPrivateKey, 'utf8'));
    const pauseMs = await measure(stack, new PollRequests(key), Number(values.rounds));
    const sorted = pauseMs.toSorted((a, b) => a - b);
    const median = Math.round(medianOf(pauseMs));
    const worst = Math.round(sorted.at(-1) ?? NaN);
    console.log(`\n${pauseMs.length} pauses: median ${median} ms, the slowest ${worst} ms.`);
    return {
      figures: { machine, pauseMs },
      goals: [
        atMost('failing record to pause, median', median, LIMIT_MS, 'ms'),
        atMost('failing record to pause, slowest', worst, LIMIT_MS, 'ms'),
      ],
    };
  } finally {
    await shutdown.run();
  }
}

async function measure(
  stack: StackUnderTest,
  requests: PollRequests,
  rounds: number,
): Promise<number[]> {
  const created = (await stack.operator('POST', '/api/v1/campaigns', {
    name: 'to be paused',
    firmwareId: FIRMWARE_ID,
    phases: [{ percent: 1 }, { percent: 100 }],
    maxAttempts: 20,
  })) as CampaignView;
  const path = `/api/v1/campaigns/${created.id}`;
  const pauseMs: number[] = [];
  for (let round = 0; round < Math.min(rounds, 20); round += 1) {
    if (round > 0) await stack.operator('POST', `${path}/resume`, { reason: 'once more' });
    const canary = await offeredDevice(stack, requests, created.id);
    await send(stack, requests, canary.id, '/device/v1/reports', JSON.stringify(canary.report));
    const acceptedAt = performance.now();
    for (;;) {
      const { status } = (await stack.operator('GET', path)) as CampaignView;
      const sinceMs = performance.now() - acceptedAt;
      if (status === 'paused') {
        pauseMs.push(sinceMs);
        break;
      }
      if (sinceMs > PATIENCE_MS) throw new Error(`the campaign is ${status} after a minute`);
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    }
  }
  return pauseMs;
}

/** The device that the campaign has come to, and what it will report. */
async function offeredDevice(stack: StackUnderTest, requests: PollRequests, campaignId: string) {
  for (let index = 0; index < DEVICES; index += 1) {
    const id = deviceId(index);
    const answer = await send(stack, requests, id, '/device/v1/poll', POLL_BODY);
    const { deployment } = pollResponseSchema.parse(JSON.parse(answer));
    if (deployment === null || deployment === undefined) continue;
    const { phase, round } = deployment;
    const report: UpdateReportInput = {
      reportId: randomUUID(),
      campaignId,
      phase,
      round,
      state: 'rolled_back',
      reason: 'trial_crashed',
      fromVersion: BASE_VERSION,
      toVersion: NEXT_VERSION,
      occurredAt: new Date().toISOString(),
    };
    return { id, report };
  }
  throw new Error('no device was offered anything');
}

async function send(
  stack: StackUnderTest,
  requests: PollRequests,
  id: string,
  path: string,
  body: string,
): Promise<string> {
  const answer = await fetch(`${stack.otaUrl}${path}`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      authorization: `Bearer ${requests.tokenOf(id, MODEL)}`,
    },
    body,
  });
  if (!answer.ok) throw new Error(`${path} of ${id}: ${await answer.text()}`);
  return answer.text();
}
