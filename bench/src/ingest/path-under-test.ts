import { sendLoad, type LoadPlan, type LoadReport } from './load-generator.ts';
import type { ServiceProcess } from './node-service.ts';
import { cpuSecondsOf, peakMemoryOf } from './process-cost.ts';
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
  readonly otherCpu: Readonly<Record<string, number>>;
  readonly generatorCpu: number;
  /** From the first byte sent to the last row seen by a query. */
  readonly pointsPerSecond: number;
  readonly collectorPeakBytes: number;
  readonly pipelinePeakBytes: number;
  readonly retries: number;
}

export type Load = Pick<LoadPlan, 'template' | 'requests' | 'devices' | 'connections' | 'run'>;

const STORE_TIMEOUT_MS = 300_000;

/** Sends the load and waits until each of its points is stored, neither fewer nor more. */
export async function playRound(path: PathUnderTest, load: Load): Promise<Round> {
  const watched = [path.collector, path.pipeline, ...path.others];
  const storedBefore = await countPoints(path.warehouseUrl);
  const before = await Promise.all(watched.map(({ pid }) => cpuSecondsOf(pid)));
  const startedAt = performance.now();
  const points = load.requests * pointsPerRequest(load.template.shape);
  const report: LoadReport = await sendLoad({ ...load, url: path.url, tokenFor: path.tokenFor });
  await waitForPoints(path.warehouseUrl, storedBefore + points, STORE_TIMEOUT_MS);
  const seconds = (performance.now() - startedAt) / 1000;
  const after = await Promise.all(watched.map(({ pid }) => cpuSecondsOf(pid)));
  const perMillion = watched.map(
    (_, i) => (((after[i] ?? 0) - (before[i] ?? 0)) / points) * 1_000_000,
  );
  const [collectorCpu = 0, pipelineCpu = 0, ...others] = perMillion;
  return {
    points,
    collectorCpu,
    pipelineCpu,
    totalCpu: collectorCpu + pipelineCpu,
    otherCpu: Object.fromEntries(path.others.map(({ name }, i) => [name, others[i] ?? 0])),
    generatorCpu: (report.cpuSeconds / points) * 1_000_000,
    pointsPerSecond: points / seconds,
    collectorPeakBytes: await peakMemoryOf(path.collector.pid),
    pipelinePeakBytes: await peakMemoryOf(path.pipeline.pid),
    retries: report.retries,
  };
}
