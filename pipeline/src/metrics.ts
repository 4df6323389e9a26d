import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';

const SECONDS = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** What the pipeline tells Prometheus. */
export function createMetrics() {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const counter = <L extends string>(name: string, help: string, labelNames: readonly L[] = []) =>
    new Counter({ name: `flotilla_pipeline_${name}`, help, labelNames, registers });
  return {
    registry,
    rows: counter('rows_total', 'Rows stored, by table.', ['table']),
    batches: counter('batches_total', 'Ranges of the log stored, by topic.', ['topic']),
    replays: counter('replays_total', 'Ranges replayed after a restart.', ['topic']),
    duplicates: counter('duplicates_dropped_total', 'Records dropped as retries of an agent.', [
      'topic',
    ]),
    deadLetters: counter('dead_letters_total', 'Records that could not be decoded.', [
      'topic',
      'code',
    ]),
    lost: counter('lost_records_total', 'Records the log dropped before they were stored.', [
      'topic',
    ]),
    nameLookUps: counter(
      'batch_name_lookups_total',
      'Batch names looked up in the warehouse; of the others it was sure that they are new.',
      ['topic'],
    ),
    retries: counter('retries_total', 'Attempts that failed and were repeated, by operation.', [
      'operation',
    ]),
    lag: new Gauge({
      name: 'flotilla_pipeline_lag_records',
      help: 'Records appended and not yet committed.',
      labelNames: ['topic', 'partition'],
      registers,
    }),
    insertSeconds: new Histogram({
      name: 'flotilla_pipeline_insert_seconds',
      help: 'Time of one insert, by table.',
      labelNames: ['table'],
      buckets: SECONDS,
      registers,
    }),
    healthSeconds: new Histogram({
      name: 'flotilla_pipeline_health_job_seconds',
      help: 'Time of one health computation over the fleet.',
      buckets: SECONDS,
      registers,
    }),
    healthFailures: counter('health_job_failures_total', 'Health computations that failed.'),
    rollupFailures: counter(
      'rollup_failures_total',
      'Rollups that failed and stay behind, by name.',
      ['rollup'],
    ),
  };
}
export type PipelineMetrics = ReturnType<typeof createMetrics>;
