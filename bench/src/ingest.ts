import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { atLeast, atMost, notMeasured, type BenchResult, type Goal } from './harness/bench.ts';
import { describeMachine } from './harness/machine.ts';
import { measureOnKafka } from './ingest/beside-peer.ts';
import { topEntries } from './ingest/cpu-profile.ts';
import { measureEmbedded } from './ingest/embedded.ts';
import { otelcolVersion } from './ingest/otelcol.ts';
import { medianOf, seriesTable, type Series } from './ingest/summary.ts';
import { AGENT_SHAPE, GATEWAY_SHAPE, type Shape } from './ingest/workload.ts';

const CONNECTIONS = 32;
const DEVICES = 1000;
const FLEETS = [1000, 10_000, 100_000] as const;
/** Small requests, so that what a device costs weighs more than what a point costs. */
const KEYS_SHAPE: Shape = { ...AGENT_SHAPE, pointsPerDevice: 9 };
/** Of the round that counts: of the largest fleet four devices in ten send. */
const KEYS_REQUESTS = 40_000;
/** At least, so that the code is compiled. */
const KEYS_WARM_REQUESTS = 10_000;
const SHAPES = [AGENT_SHAPE, GATEWAY_SHAPE] as const;
const PROFILE_ENTRIES = 15;

const HEADER = `What does a data point cost from OTLP bytes to a queryable row, beside the OpenTelemetry Collector?
Load: OTLP/HTTP protobuf, no content encoding, ${CONNECTIONS} kept-alive connections, one request under way on each;
  agent: 1 device, 30 points a request (9 where fleets of several sizes are compared);
  gateway: 50 devices, 30 points each. Two metrics of three are
  gauges, one a sum; every point has one attribute, every device five of its resource.
Paths: OTLP → collector → Kafka → pipeline → warehouse server, two processes judged on each side.
Both: answer only when all replicas have the record; zstd on Kafka, 4 partitions; rows are batched
  up to the same number and the same age before they are inserted, without compression.
Ours beside that: checks a token and whose telemetry it is, writes a record per device, drops retries
  by batch id, records each range before its insert. The peer: no authentication, no queue or batch
  processor before Kafka (they would answer before the broker has it), memory_limiter in both; behind
  Kafka its batch processor, which loses what it holds when it is killed (ours loses and doubles nothing).
CPU: user + system of /proc/PID/stat over the round, per million points, median of the rounds with
  the extremes; the two sides take turns. Main threads: the part of it spent in JavaScript, the rest is
  the embedded engine, compression and garbage collection. Peak memory: VmHWM, collector + pipeline.
  Broker, warehouse server and load generator are reported apart. Every round ends when a query counts
  exactly the points that were sent. Our health computation rests meanwhile.`;

/**
 * Arguments: `--otelcol PATH` (its binary, for the comparison), `--only embedded|kafka|keys`,
 * `--shape agent|gateway`, `--rounds N`, `--points N` (of a round), `--batch-rows N`,
 * `--batch-age-ms N`, `--profile FOLDER`, `--quick` (a smoke test, no goals).
 */
export async function run(args: readonly string[]): Promise<BenchResult> {
  const options = readOptions(args);
  const machine = describeMachine();
  const peer = options.otelcol === null ? null : await otelcolVersion(options.otelcol);
  console.log(`${HEADER}\nMachine: ${JSON.stringify(machine)}\nPeer: ${peer ?? 'not given'}`);
  if (options.profileFolder !== undefined) await mkdir(options.profileFolder, { recursive: true });
  const wanted = (part: string) => options.only === undefined || options.only === part;

  const embedded = wanted('embedded') ? await embeddedSeries(options) : [];
  const kafka =
    wanted('kafka') && !options.quick ? await measureOnKafka({ ...options, devices: DEVICES }) : [];
  const keys = wanted('keys') && !options.quick ? await keySeries(options) : [];
  const series = [...embedded, ...kafka, ...keys];
  console.log(`\n${seriesTable(series)}\n`);
  if (options.profileFolder !== undefined) await printProfiles(options.profileFolder);
  const goals = options.quick ? [] : [...peerGoals(kafka), ...rateGoals(embedded), keysGoal(keys)];
  return {
    figures: {
      machine,
      peer,
      batchRows: options.batchRows,
      batchAgeMs: options.batchAgeMs,
      series,
    },
    goals,
  };
}

interface Options {
  readonly shapes: readonly Shape[];
  readonly otelcol: string | null;
  readonly only: string | undefined;
  readonly rounds: number;
  readonly pointsPerRound: number;
  readonly batchRows: number;
  readonly batchAgeMs: number;
  readonly connections: number;
  readonly profileFolder: string | undefined;
  readonly quick: boolean;
}

function readOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      otelcol: { type: 'string' },
      only: { type: 'string' },
      rounds: { type: 'string', default: '5' },
      points: { type: 'string', default: '600000' },
      'batch-rows': { type: 'string', default: '100000' },
      'batch-age-ms': { type: 'string', default: '1000' },
      profile: { type: 'string' },
      shape: { type: 'string' },
      quick: { type: 'boolean', default: false },
    },
  });
  const whole = (text: string): number => {
    const value = Number(text);
    if (!Number.isInteger(value) || value < 1) throw new RangeError(`not a whole number: ${text}`);
    return value;
  };
  if (values.only !== undefined && !['embedded', 'kafka', 'keys'].includes(values.only)) {
    throw new RangeError(`--only takes embedded, kafka or keys, not ${values.only}`);
  }
  const shapes = SHAPES.filter(({ name }) => values.shape === undefined || values.shape === name);
  if (shapes.length === 0) throw new RangeError(`no shape is called ${values.shape}`);
  return {
    shapes,
    otelcol: values.otelcol ?? null,
    only: values.only,
    rounds: values.quick ? 1 : whole(values.rounds),
    pointsPerRound: values.quick ? 3000 : whole(values.points),
    batchRows: whole(values['batch-rows']),
    batchAgeMs: whole(values['batch-age-ms']),
    connections: CONNECTIONS,
    profileFolder: values.profile,
    quick: values.quick,
  };
}

async function embeddedSeries(options: Options): Promise<Series[]> {
  const all: Series[] = [];
  for (const shape of options.quick ? [AGENT_SHAPE] : options.shapes) {
    all.push(
      await measureEmbedded({
        ...options,
        shape,
        devices: options.quick ? 50 : DEVICES,
        profileFolder: profileOf(options, shape),
      }),
    );
  }
  return all;
}

function profileOf({ profileFolder }: Options, shape: Shape): string | undefined {
  return profileFolder === undefined ? undefined : join(profileFolder, `embedded-${shape.name}`);
}

/**
 * The same number of points whatever the fleet's size. In the round that warms up each device sends at
 * least once, so that all are known; the one that counts is shorter.
 */
async function keySeries(options: Options): Promise<Series[]> {
  const pointsPerRound = KEYS_REQUESTS * KEYS_SHAPE.pointsPerDevice;
  const all: Series[] = [];
  for (const devices of FLEETS) {
    const plan = { ...options, profileFolder: undefined, shape: KEYS_SHAPE };
    const warmPoints = Math.max(devices, KEYS_WARM_REQUESTS) * KEYS_SHAPE.pointsPerDevice;
    all.push(await measureEmbedded({ ...plan, devices, pointsPerRound, warmPoints, rounds: 1 }));
  }
  return all;
}

function peerGoals(series: readonly Series[]): Goal[] {
  return SHAPES.map(({ name }) => {
    const goal = `CPU of collector and pipeline over the OTel Collector's, ${name}`;
    const own = series.find(({ side, load }) => side === 'flotilla' && load === name);
    const peer = series.find(({ side, load }) => side === 'otelcol' && load === name);
    if (own === undefined || peer === undefined) return notMeasured(goal, 'at most', 0.5, 'ratio');
    const total = (of: Series) => medianOf(of, (round) => round.totalCpu);
    return atMost(goal, rounded(total(own) / total(peer), 3), 0.5, 'ratio');
  });
}

function rateGoals(series: readonly Series[]): Goal[] {
  return SHAPES.map(({ name }) => {
    const goal = `embedded, OTLP bytes to queryable rows, ${name}`;
    const found = series.find(({ load }) => load.startsWith(name));
    if (found === undefined) return notMeasured(goal, 'at least', 150_000, 'points/s');
    const rate = medianOf(found, (round) => round.pointsPerSecond);
    return atLeast(goal, Math.round(rate), 150_000, 'points/s');
  });
}

function keysGoal(series: readonly Series[]): Goal {
  const goal = `CPU per point at ${FLEETS.at(-1)} devices over ${FLEETS[0]}`;
  const [smallest, largest] = [series[0], series.at(-1)];
  if (smallest === undefined || largest === undefined) {
    return notMeasured(goal, 'at most', 1.25, 'ratio');
  }
  const total = (of: Series) => medianOf(of, (round) => round.totalCpu);
  return atMost(goal, rounded(total(largest) / total(smallest), 3), 1.25, 'ratio');
}

async function printProfiles(folder: string): Promise<void> {
  for (const shape of SHAPES) {
    for (const name of ['collector', 'pipeline']) {
      const file = join(folder, `embedded-${shape.name}`, `${name}.cpuprofile`);
      const entries = await topEntries(file, PROFILE_ENTRIES).catch(() => []);
      if (entries.length === 0) continue;
      console.log(`CPU profile of the ${name}, embedded, ${shape.name}:`);
      for (const { place, share } of entries) {
        console.log(`  ${(share * 100).toFixed(1).padStart(5)} %  ${place}`);
      }
    }
  }
}

function rounded(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
