import { setTimeout as delay } from 'node:timers/promises';
import type { ClickHouseClient } from '@clickhouse/client';
import type { Logger } from '@flotilla/service';
import type { PipelineMetrics } from '../metrics.ts';
import { forecastDisks } from '../maintenance/disk-forecasts.ts';
import { METRICS_5M, rollUp, UPDATE_REPORTS } from '../rollup/roll-up.ts';
import { parameterSettings } from '../warehouse/query-settings.ts';
import { sqlFile } from '../warehouse/sql-file.ts';
import { takeSnapshot } from './device-snapshots.ts';

const OBSERVE = sqlFile('health/observe.sql');
const SCORE = sqlFile('health/score.sql');

/** Computes the health of every device heard of in the last seven days. */
export async function computeHealth(
  client: ClickHouseClient,
  nowMs: number,
  heartbeatIntervalMs: number,
): Promise<void> {
  await client.command({
    query: OBSERVE,
    clickhouse_settings: parameterSettings({
      computed_at_ms: nowMs,
      heartbeat_ms: heartbeatIntervalMs,
    }),
  });
  await scoreObservations(client, nowMs);
}

/** Scores what was observed at `computedAtMs`. */
export async function scoreObservations(
  client: ClickHouseClient,
  computedAtMs: number,
): Promise<void> {
  await client.command({
    query: SCORE,
    clickhouse_settings: parameterSettings({ computed_at_ms: computedAtMs }),
  });
}

export interface HealthJobOptions {
  readonly client: ClickHouseClient;
  readonly intervalMs: number;
  readonly heartbeatIntervalMs: number;
  readonly clock: () => number;
  readonly logger: Logger;
  readonly metrics: PipelineMetrics;
}

/** The job rests this many times as long as it worked, so that a large fleet's does not crowd out inserts. */
const REST_RATIO = 4;

/** Two weeks of a disk look no different a minute later. */
const FORECAST_INTERVAL_MS = 3_600_000;

/** Repeats the computation until the abort; one that fails is left out, the next one tells. */
export async function runHealthJob(options: HealthJobOptions, signal: AbortSignal): Promise<void> {
  let forecastAtMs = -Infinity;
  while (!signal.aborted) {
    const startedAtMs = performance.now();
    await runTurn(options);
    if (startedAtMs - forecastAtMs >= FORECAST_INTERVAL_MS && (await runForecasts(options))) {
      forecastAtMs = startedAtMs;
    }
    const workedMs = performance.now() - startedAtMs;
    await delay(Math.max(options.intervalMs - workedMs, REST_RATIO * workedMs), undefined, {
      signal,
    }).catch(() => {
      // The abort ends the wait; the loop's condition sees it.
    });
  }
}

/**
 * The snapshot and the rollups only make later turns cheap: without them health is as right, from more
 * of the telemetry itself. So one that fails is told and tried again, and health is computed all the same.
 */
async function runTurn(options: HealthJobOptions): Promise<void> {
  const { client, clock, logger, metrics } = options;
  const attempt = async (rollup: string, work: () => Promise<unknown>): Promise<void> => {
    try {
      await work();
    } catch (err) {
      metrics.rollupFailures.inc({ rollup });
      logger.error({ err, rollup }, 'a rollup stays behind');
    }
  };
  await attempt('device_snapshots', () => takeSnapshot(client));
  await attempt(UPDATE_REPORTS.name, () => rollUp(client, UPDATE_REPORTS));
  const observe = metrics.healthSeconds.startTimer();
  try {
    await computeHealth(client, clock(), options.heartbeatIntervalMs);
    observe();
  } catch (err) {
    metrics.healthFailures.inc();
    logger.error({ err }, 'health was not computed');
  }
  await attempt(METRICS_5M.name, () => rollUp(client, METRICS_5M));
}

/** Resolves to whether they were made; otherwise the next turn tries again. */
async function runForecasts({
  client,
  clock,
  logger,
  metrics,
}: HealthJobOptions): Promise<boolean> {
  try {
    await forecastDisks(client, clock());
    return true;
  } catch (err) {
    metrics.rollupFailures.inc({ rollup: 'disk_forecasts' });
    logger.error({ err }, 'disks were not forecast');
    return false;
  }
}
