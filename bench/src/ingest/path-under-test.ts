import { readFile } from 'node:fs/promises';
import { sendLoad, type LoadPlan } from './load-generator.ts';
import type { ServiceProcess } from './node-service.ts';
import { cpuTimeOf, peakMemoryOf } from './process-cost.ts';
import { countPoints, waitForPoints } from './stored-points.ts';
import { pointsPerRequest } from './workload.ts';

/** One telemetry path from an OTLP address to a warehouse that answers queries. */
export interface PathUnderTest {
  readonly name: string;
  readonly url: string;
  readonly warehouseUrl: string;
  readonly tokenFor: LoadPlan['tokenFor'];
  readonly collector: ServiceProcess;
  readonly pipeline: ServiceProcess;
  /** Processes that both sides share or that only carry: broker, warehouse server. */
  readonly others: readonly { readonly name: string; readonly pid: number }[];
}

/** CPU is in seconds per million data points. */
export interface Round {
  readonly points: number;
  readonly collectorCpu: number;
  readonly pipelineCpu: number;
  readonly totalCpu: number;
  /** Of the processes' first threads, in a Node process the JavaScript; part of the numbers above. */
  readonly collectorMainThreadCpu: number;
  readonly pipelineMainThreadCpu: number;
  readonly otherCpu: Readonly<Record<string, number>>;
  readonly generatorCpu: number;
  /** From the first byte sent to the last row seen by a query. */
  readonly pointsPerSecond: number;
  readonly collectorPeakBytes: number;
  readonly pipelinePeakBytes: number;
  readonly retries: number;
}

export type Load = Pick<LoadPlan, 'template' | 'requests' | 'devices' | 'connections' | 'run'>;

/** Far above what a batch waits for; consumer groups may take ten seconds to settle. */
const STALL_MS = 45_000;
const LOG_TAIL_CHARACTERS = 1500;

/**
 * Sends the load and waits until each of its points is stored, neither fewer nor more. Rejects with the
 * ends of both processes' logs.
 */
export async function playRound(path: PathUnderTest, load: Load): Promise<Round> {
  try {
    return await measureRound(path, load);
  } catch (cause) {
    const logs = await Promise.all([path.collector, path.pipeline].map(endOfLog));
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`${path.name}, ${load.run}: ${reason}\n${logs.join('\n')}`, { cause });
  }
}

async function measureRound(path: PathUnderTest, load: Load): Promise<Round> {
  const watched = [path.collector, path.pipeline, ...path.others];
  const countStored = () => countPoints(path.warehouseUrl);
  const storedBefore = await countStored();
  const before = await Promise.all(watched.map(({ pid }) => cpuTimeOf(pid)));
  const startedAt = performance.now();
  const points = load.requests * pointsPerRequest(load.template.shape);
  const report = await sendLoad({ ...load, url: path.url, tokenFor: path.tokenFor });
  await waitForPoints(countStored, storedBefore + points, STALL_MS);
  const seconds = (performance.now() - startedAt) / 1000;
  const after = await Promise.all(watched.map(({ pid }) => cpuTimeOf(pid)));
  const perMillion = (kind: 'total' | 'mainThread') =>
    after.map((time, i) => ((time[kind] - (before[i]?.[kind] ?? 0)) / points) * 1_000_000);
  const [collectorCpu = 0, pipelineCpu = 0, ...others] = perMillion('total');
  const [collectorMainThreadCpu = 0, pipelineMainThreadCpu = 0] = perMillion('mainThread');
  return {
    points,
    collectorCpu,
    pipelineCpu,
    totalCpu: collectorCpu + pipelineCpu,
    collectorMainThreadCpu,
    pipelineMainThreadCpu,
    otherCpu: Object.fromEntries(path.others.map(({ name }, i) => [name, others[i] ?? 0])),
    generatorCpu: (report.cpuSeconds / points) * 1_000_000,
    pointsPerSecond: points / seconds,
    collectorPeakBytes: await peakMemoryOf(path.collector.pid),
    pipelinePeakBytes: await peakMemoryOf(path.pipeline.pid),
    retries: report.retries,
  };
}

async function endOfLog({ name, logFile }: ServiceProcess): Promise<string> {
  const said = await readFile(logFile, 'utf8');
  return `${name} said last: ${said.slice(-LOG_TAIL_CHARACTERS)}`;
}
