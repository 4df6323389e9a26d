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
import { growthOf, type MemoryLook } from './fuzz-otlp/memory-course.ts';
import { atMost, notMeasured, type BenchResult, type Goal } from './harness/bench.ts';
import { describeMachine } from './harness/machine.ts';
import { formatCount, formatTable } from './harness/table.ts';
import { cpuTimeOf, privateMemoryOf } from './ingest/process-cost.ts';

const SEED = 20261124;
/** Answers to what is taken wait for the disk, which serves all that wait at once. */
const PARALLEL = 64;
const WARM_INPUTS = 10_000;
const MIB = 1024 * 1024;
/** With fewer, memory that settles looks like a leak. */
const MIN_INPUTS = 40_000;
/** The inputs in so many parts, with a look at memory after each. */
const PARTS = 10;
/** A tenth of the smallest thing a request could leave behind: an object, a timer, an entry of a map. */
const HELD_BYTES_PER_INPUT = 10;
/** Allocators keep pages for a while yet; whoever leaks buffers or contexts of zlib leaks more. */
const OWN_BYTES_PER_INPUT = 100;

/**
 * Arguments: `--inputs N` (OTLP/HTTP), `--grpc-inputs N` (a quarter of it), `--seed N`, `--plant-leak N`
 * (the collectors keep N bytes for every input, which must miss the goals).
 */
export async function run(args: readonly string[]): Promise<BenchResult> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      inputs: { type: 'string', default: '200000' },
      'grpc-inputs': { type: 'string' },
      seed: { type: 'string', default: String(SEED) },
      'plant-leak': { type: 'string', default: '0' },
    },
  });
  const leakBytes = Number(values['plant-leak']);
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
    leakBytes,
    clientOf: ({ addresses }) => new FuzzClient(addresses['otlp'] ?? '', token, PARALLEL),
  });
  const grpc = await playTransport<FuzzInputOf<typeof GrpcFuzzClient>>({
    name: 'OTLP/gRPC',
    classes: GRPC_MUTATIONS,
    inputs: Number(values['grpc-inputs'] ?? Math.ceil(inputs / 4)),
    seed,
    leakBytes,
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
  readonly leakBytes: number;
  readonly clientOf: (child: CollectorChild) => FuzzTarget<Input> & { close(): void };
}

interface Played {
  readonly surprises: readonly string[];
  readonly answers: ReadonlyMap<Answer, number>;
  readonly sent: number;
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly exitCode: number | null;
  readonly looks: readonly MemoryLook[];
}

async function playTransport<Input>(
  plan: TransportPlan<Input>,
): Promise<{ figures: Readonly<Record<string, unknown>>; goals: Goal[] }> {
  const played = await play(plan);
  const outside = [...played.answers].filter(([answer]) => !isInTable(answer));
  const growth = growthOf(played.looks);
  print(plan, played);
  const goal = (what: string, value: number, limit: number, unit: string) =>
    atMost(`${plan.name}, ${what}`, Number(value.toFixed(1)), limit, unit);
  const growthGoal = (what: string, value: number, limit: number) => {
    const name = `${what}, growth over the later half`;
    if (plan.inputs >= MIN_INPUTS) return goal(name, value, limit, 'bytes an input');
    return notMeasured(`${plan.name}, ${name}`, 'at most', limit, 'bytes an input');
  };
  return {
    figures: { name: plan.name, ...played, answers: Object.fromEntries(played.answers), growth },
    goals: [
      goal('answers that their input does not allow', played.surprises.length, 0, 'answers'),
      goal('answers outside the tables', outside.length, 0, 'kinds'),
      goal('inputs that were not sent', plan.inputs - played.sent, 0, 'inputs'),
      growthGoal('held after a collection', growth.heldBytesPerInput, HELD_BYTES_PER_INPUT),
      growthGoal('own pages', growth.ownBytesPerInput, OWN_BYTES_PER_INPUT),
      goal('exit code', played.exitCode ?? 255, 0, ''),
    ],
  };
}

async function play<Input>(plan: TransportPlan<Input>): Promise<Played> {
  const { classes, inputs, seed, leakBytes } = plan;
  const child = await CollectorChild.start({ FLOTILLA_MAX_BODY_BYTES: String(MAX_BODY_BYTES) });
  const client = plan.clientOf(child);
  const playPart = (count: number, start: number) =>
    fuzz(child, client, { classes, inputs: count, seed: start, parallel: PARALLEL });
  // Compiled code and caches are there after this.
  const outcomes = [await playPart(Math.min(inputs, WARM_INPUTS), seed ^ 1)];
  const look = async (sent: number): Promise<MemoryLook> => {
    const held = (await child.heldBytes()) / MIB;
    return { inputs: sent, held, ownPages: (await privateMemoryOf(child.pid)) / MIB };
  };
  const looks = [await look(0)];
  const cpuBefore = (await cpuTimeOf(child.pid)).total;
  const startedAt = performance.now();
  let sent = 0;
  for (let part = 1; part <= PARTS; part += 1) {
    const outcome = await playPart(Math.round((inputs * part) / PARTS) - sent, seed + part);
    outcomes.push(outcome);
    sent += outcome.sent;
    if (leakBytes > 0) await child.leak(leakBytes * outcome.sent);
    looks.push(await look(sent));
  }
  const seconds = (performance.now() - startedAt) / 1000;
  const cpuSeconds = (await cpuTimeOf(child.pid)).total - cpuBefore;
  client.close();
  const exitCode = await child.stop();
  const surprises = outcomes.flatMap((outcome) => outcome.surprises);
  const answers = sumByAnswer(outcomes.map((outcome) => outcome.answers));
  return { surprises, answers, sent, seconds, cpuSeconds, exitCode, looks };
}

function print<Input>({ name, classes }: TransportPlan<Input>, played: Played): void {
  const { surprises, answers, sent, seconds, cpuSeconds, exitCode, looks } = played;
  for (const surprise of surprises) console.log(`WRONG: ${surprise}`);
  console.log(`\n${name}: ${formatCount(sent)} inputs of ${classes.length} kinds`);
  const rows = [...answers].map(([answer, count]) => [String(answer), formatCount(count)]);
  console.log(formatTable(['answer', 'inputs (with those that warm up)'], rows));
  const memory = looks.map((look) => [
    formatCount(look.inputs),
    look.held.toFixed(1),
    look.ownPages.toFixed(1),
  ]);
  console.log(formatTable(['after inputs', 'held MiB', 'own pages MiB'], memory));
  console.log(
    `${seconds.toFixed(0)} s, ${formatCount(sent / seconds)} inputs/s, ${cpuSeconds.toFixed(0)} s of ` +
      `the collector's CPU; exit code ${exitCode}\n`,
  );
}

function sumByAnswer(
  outcomes: readonly ReadonlyMap<string, ReadonlyMap<Answer, number>>[],
): Map<Answer, number> {
  const sums = new Map<Answer, number>();
  for (const of of outcomes.flatMap((byKind) => [...byKind.values()])) {
    for (const [answer, count] of of) sums.set(answer, (sums.get(answer) ?? 0) + count);
  }
  return new Map([...sums].sort(([a], [b]) => String(a).localeCompare(String(b))));
}
