import { DatabaseSync } from 'node:sqlite';
import {
  deviceRank,
  phaseOfRank,
} from '@flotilla/ota-service/src/campaigns/domain/campaign-plan.ts';
import { uniform } from '../harness/random.ts';
import { deviceId, FIRMWARE_ID } from './fleet.ts';
import type { PollRequests } from './requests.ts';
import { measureRound, type Round } from './rounds.ts';
import type { Server } from './server.ts';
import type { StackUnderTest } from './stack-under-test.ts';

export interface PollPlan {
  readonly devices: number;
  readonly pollsPerRound: number;
  readonly rounds: number;
}

export interface PollFigures {
  readonly kinds: readonly PollKind[];
  readonly campaignId: string;
  /** Wall time of the request that planned the campaign over the fleet. */
  readonly creationMs: number;
}

export interface PollKind {
  readonly name: string;
  readonly rounds: readonly Round[];
}

const CONNECTIONS = 64;
const SEED = 20_260_101;

/** Each kind of poll by itself, over devices drawn at random from the whole fleet. */
export async function measurePolls(
  stack: StackUnderTest,
  requests: PollRequests,
  server: Server,
  plan: PollPlan,
): Promise<PollFigures> {
  const random = uniform(SEED);
  const { hostname: host, port } = new URL(stack.otaUrl);
  const target = { host, port: Number(port), connections: CONNECTIONS };
  const play = async (name: string, drawn: readonly string[][]): Promise<PollKind> => {
    const rounds: Round[] = [];
    for (const ids of drawn) {
      const texts = ids.map((id) => requests.of(id));
      rounds.push(await measureRound({ ...target, requests: texts }, server));
    }
    console.log(
      `  ${name}: ${rounds.map((round) => round.cpuSecondsPer10k.toFixed(2)).join(' ')} CPU-s`,
    );
    return { name, rounds };
  };
  const draw = (accept: (id: string) => boolean): string[] => {
    const ids = new Set<string>();
    for (let tries = 0; ids.size < plan.pollsPerRound && tries < plan.devices * 2; tries += 1) {
      const id = deviceId(Math.floor(random() * plan.devices));
      if (accept(id)) ids.add(id);
    }
    return [...ids];
  };
  const rounds = Array.from({ length: plan.rounds }, (_, i) => i);
  const anyone = () => true;

  const first = rounds.map(() => draw(anyone));
  const kinds = [await play('first since the service started', first)];
  kinds.push(await play('idle, no campaign', first));
  const askedAt = performance.now();
  const created = await stack.operator('POST', '/api/v1/campaigns', {
    name: 'a million',
    firmwareId: FIRMWARE_ID,
    phases: [{ percent: 2 }, { percent: 20 }, { percent: 100 }],
    soakMs: 3_600_000,
  });
  const creationMs = performance.now() - askedAt;
  const campaignId = (created as { id: string }).id;
  const phaseOf = readPhases(stack, campaignId);
  const waiting = first.map((ids) => ids.filter((id) => phaseOf(id) > 1));
  kinds.push(await play('first after a campaign began', waiting));
  kinds.push(await play('idle, campaign not for it yet', waiting));
  const perRound = Math.floor((plan.devices * 0.02) / plan.rounds);
  const canaries = allOf(plan.devices, (id) => phaseOf(id) === 1);
  const offered = rounds.map((i) => canaries.slice(i * perRound, (i + 1) * perRound));
  kinds.push(await play('first offer', offered));
  kinds.push(await play('under way', offered));
  return { kinds, campaignId, creationMs };
}

function allOf(devices: number, accept: (id: string) => boolean): string[] {
  return Array.from({ length: devices }, (_, i) => deviceId(i)).filter(accept);
}

/** Each device's phase, from the cutoffs in the registry. */
function readPhases(stack: StackUnderTest, campaignId: string): (id: string) => number {
  const database = new DatabaseSync(stack.folder.databaseUrl.slice('sqlite:'.length), {
    readOnly: true,
  });
  const rows = database
    .prepare('SELECT cutoff FROM campaign_phases WHERE campaign_id = ? ORDER BY phase')
    .all(campaignId);
  database.close();
  const cutoffs = rows.map((row) => String(row['cutoff']));
  return (id) => phaseOfRank(deviceRank(campaignId, id), cutoffs);
}
