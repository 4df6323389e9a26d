// Sends broken OTLP requests by the hundred thousand to a collector's process and judges every answer.
import { parseArgs } from 'node:util';
import { CollectorChild } from '@flotilla/collector/test/fuzz/collector-child.ts';
import { FuzzClient } from '@flotilla/collector/test/fuzz/fuzz-client.ts';
import {
  DEVICE,
  MAX_BODY_BYTES,
  type Answer,
  type FuzzTarget,
  type Mutation,
} from '@flotilla/collector/test/fuzz/fuzz-input.ts';
import { fuzz } from '@flotilla/collector/test/fuzz/fuzz-run.ts';
import { GrpcFuzzClient } from '@flotilla/collector/test/fuzz/grpc-client.ts';
import { GRPC_MUTATIONS } from '@flotilla/collector/test/fuzz/grpc-mutations.ts';
import { HTTP_MUTATIONS } from '@flotilla/collector/test/fuzz/http-mutations.ts';
import { JSON_MUTATIONS } from '@flotilla/collector/test/fuzz/json-mutations.ts';
import { PROTOBUF_MUTATIONS } from '@flotilla/collector/test/fuzz/protobuf-mutations.ts';
import { tokenFor } from '@flotilla/collector/test/testing/collector-harness.ts';
import { isInTable } from './fuzz-otlp/answer-table.ts';
import { atMost, type BenchResult, type Goal } from './harness/bench.ts';
import { describeMachine } from './harness/machine.ts';
import { formatCount, formatTable } from './harness/table.ts';
import { cpuTimeOf, residentMemoryOf } from './ingest/process-cost.ts';

const SEED = 20261124;
/** Answers to what is taken wait for the disk, which serves all that wait at once. */
const PARALLEL = 64;
const WARM_INPUTS = 10_000;
const MIB = 1024 * 1024;
const HELD_GROWTH_MIB = 8;
/** Allocators keep pages; a leak of 100 bytes an input would be 20 MiB of 200,000. */
const RSS_GROWTH_MIB = 48;

/** Arguments: `--inputs N` (OTLP/HTTP), `--grpc-inputs N` (a quarter of it), `--seed N`. */
export async function run(args: readonly string[]): Promise<BenchResult> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      inputs: { type: 'string', default: '200000' },
      'grpc-inputs': { type: 'string' },
      seed: { type: 'string', default: String(SEED) },
    },
  });
  const inputs = Number(values.inputs);
  const seed = Number(values.seed);
  console.log(
    'Every input is broken in a known way, and every twentieth is followed by one in order. An answer\n' +
      "is wrong when its kind of input allows it none such, or when OTLP's tables have it not or ask\n" +
      `for a retry of what can never be taken. Seed ${seed}; ${PARALLEL} requests under way at once.`,
  );
  const token = await tokenFor(DEVICE);
  const http = await playTransport<FuzzInputOf<typeof FuzzClient>>({
    name: 'OTLP/HTTP',
    classes: [...PROTOBUF_MUTATIONS, ...HTTP_MUTATIONS, ...JSON_MUTATIONS],
    inputs,
    seed,
    clientOf: ({ addresses }) => new FuzzClient(addresses['otlp'] ?? '', token, PARALLEL),
  });
  const grpc = await playTransport<FuzzInputOf<typeof GrpcFuzzClient>>({
    name: 'OTLP/gRPC',
    classes: GRPC_MUTATIONS,
    inputs: Number(values['grpc-inputs'] ?? Math.ceil(inputs / 4)),
    seed,
    clientOf: ({ addresses }) => new GrpcFuzzClient(addresses['otlpGrpc'] ?? '', token),
  });
  return {
    figures: { machine: describeMachine(), seed, transports: [http.figures, grpc.figures] },
    goals: [...http.goals, ...grpc.goals],
  };
}

type FuzzInputOf<Client extends abstract new (...args: never[]) => FuzzTarget<never>> =
  InstanceType<Client> extends FuzzTarget<infer Input> ? Input : never;

interface TransportPlan<Input> {
  readonly name: string;
  readonly classes: readonly Mutation<Input>[];
  readonly inputs: number;
  readonly seed: number;
  readonly clientOf: (child: CollectorChild) => FuzzTarget<Input> & { close(): void };
}

async function playTransport<Input>(
  plan: TransportPlan<Input>,
): Promise<{ figures: Readonly<Record<string, unknown>>; goals: Goal[] }> {
  const { name, classes, inputs, seed } = plan;
  const child = await CollectorChild.start({ FLOTILLA_MAX_BODY_BYTES: String(MAX_BODY_BYTES) });
  const client = plan.clientOf(child);
  const play = (count: number, start: number) =>
    fuzz(child, client, { classes, inputs: count, seed: start, parallel: PARALLEL });
  // Compiled code and caches are there after this.
  const warm = await play(Math.min(inputs, WARM_INPUTS), seed ^ 1);
  const look = async () => ({
    held: (await child.heldBytes()) / MIB,
    rss: (await residentMemoryOf(child.pid)) / MIB,
    cpu: (await cpuTimeOf(child.pid)).total,
  });
  const before = await look();
  const startedAt = performance.now();
  const outcome = await play(inputs, seed);
  const seconds = (performance.now() - startedAt) / 1000;
  const after = await look();
  client.close();
  const exitCode = await child.stop();

  const surprises = [...warm.surprises, ...outcome.surprises];
  for (const surprise of surprises) console.log(`WRONG: ${surprise}`);
  const byAnswer = sumByAnswer(outcome.answers);
  const outside = [...byAnswer].filter(([answer]) => !isInTable(answer));
  const rows = [...byAnswer].map(([answer, count]) => [String(answer), formatCount(count)]);
  console.log(`\n${name}: ${formatCount(outcome.sent)} inputs of ${classes.length} kinds`);
  console.log(formatTable(['answer', 'inputs'], rows));
  const memory = (of: typeof before) => `${of.rss.toFixed(1)} MiB (held ${of.held.toFixed(1)})`;
  const rate = formatCount(outcome.sent / seconds);
  console.log(
    `Resident before ${memory(before)}, after ${memory(after)}; ${seconds.toFixed(0)} s, ${rate} inputs/s, ` +
      `${(after.cpu - before.cpu).toFixed(0)} s of the collector's CPU; exit code ${exitCode}\n`,
  );
  const goal = (what: string, value: number, limit: number, unit: string) =>
    atMost(`${name}, ${what}`, Number(value.toFixed(1)), limit, unit);
  return {
    figures: {
      name,
      inputs: outcome.sent,
      answers: Object.fromEntries(byAnswer),
      seconds,
      before,
      after,
    },
    goals: [
      goal('answers that their input does not allow', surprises.length, 0, 'answers'),
      goal('answers outside the tables', outside.length, 0, 'kinds'),
      goal('inputs that were not sent', inputs - outcome.sent, 0, 'inputs'),
      goal('more held after a collection', after.held - before.held, HELD_GROWTH_MIB, 'MiB'),
      goal('more resident', after.rss - before.rss, RSS_GROWTH_MIB, 'MiB'),
      goal('exit code', exitCode ?? 255, 0, ''),
    ],
  };
}

function sumByAnswer(
  answers: ReadonlyMap<string, ReadonlyMap<Answer, number>>,
): Map<Answer, number> {
  const sums = new Map<Answer, number>();
  for (const of of answers.values()) {
    for (const [answer, count] of of) sums.set(answer, (sums.get(answer) ?? 0) + count);
  }
  return new Map([...sums].sort(([a], [b]) => String(a).localeCompare(String(b))));
}
