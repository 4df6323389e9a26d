import { dashboard, metricsPanel, timeSeriesPanel, type MetricTarget } from './panels.ts';

interface MetricsRow {
  readonly title: string;
  readonly description: string;
  readonly unit: string;
  readonly targets: readonly MetricTarget[];
}

const perSecond = (metric: string) => `rate(${metric}[$__rate_interval])`;
const quantile = (share: number, metric: string, by: string) =>
  `histogram_quantile(${share}, sum by (le, ${by}) (${perSecond(`${metric}_bucket`)}))`;

/** In the order of the data's way. */
const COLLECTOR: readonly MetricsRow[] = [
  {
    title: 'Requests to the collector',
    description: 'OTLP requests a second by outcome; anything but accepted was refused',
    unit: 'reqps',
    targets: [
      {
        expr: `sum by (outcome) (${perSecond('flotilla_collector_requests_total')})`,
        legend: '{{outcome}}',
      },
    ],
  },
  {
    title: 'Accepted bytes',
    description: 'Bytes a second that the log holds durably, by signal',
    unit: 'Bps',
    targets: [
      {
        expr: `sum by (signal) (${perSecond('flotilla_collector_accepted_bytes_total')})`,
        legend: '{{signal}}',
      },
    ],
  },
];

const PIPELINE: readonly MetricsRow[] = [
  {
    title: 'Waiting records',
    description: 'Appended to the log and not yet in the warehouse',
    unit: 'short',
    targets: [{ expr: 'sum by (topic) (flotilla_pipeline_lag_records)', legend: '{{topic}}' }],
  },
  {
    title: 'Lost, dead and repeated',
    description: 'Records a second that were lost, unreadable, or repeats of a retry',
    unit: 'short',
    targets: [
      { expr: `sum(${perSecond('flotilla_pipeline_lost_records_total')})`, legend: 'lost' },
      { expr: `sum(${perSecond('flotilla_pipeline_dead_letters_total')})`, legend: 'unreadable' },
      {
        expr: `sum(${perSecond('flotilla_pipeline_duplicates_dropped_total')})`,
        legend: 'repeats',
      },
    ],
  },
  {
    title: 'Time of an insert',
    description: '95th percentile by table',
    unit: 's',
    targets: [
      { expr: quantile(0.95, 'flotilla_pipeline_insert_seconds', 'table'), legend: '{{table}}' },
    ],
  },
];

const JUDGES: readonly MetricsRow[] = [
  {
    title: 'Time of a judgement',
    description: '95th percentile of health computations and of campaign evaluations',
    unit: 's',
    targets: [
      { expr: quantile(0.95, 'flotilla_pipeline_health_job_seconds', 'job'), legend: 'health' },
      { expr: quantile(0.95, 'flotilla_evaluation_duration_seconds', 'job'), legend: 'campaigns' },
    ],
  },
  {
    title: 'Answers of ota-service',
    description: 'Requests a second by status',
    unit: 'reqps',
    targets: [
      {
        expr: `sum by (status) (${perSecond('flotilla_http_request_duration_seconds_count')})`,
        legend: '{{status}}',
      },
    ],
  },
];

/** The path of the telemetry and the service that steers by it: what comes in, what waits, what fails. */
export function pipeline() {
  const builder = dashboard(
    'flotilla-pipeline',
    'Pipeline',
    'Collector, pipeline, warehouse and ota-service themselves',
    'warehouse and metrics',
  );
  const place = { span: 12, height: 8 } as const;
  for (const { title, description, unit, targets } of [...COLLECTOR, ...PIPELINE, ...JUDGES]) {
    builder.withPanel(metricsPanel({ title, description, ...place }, unit, targets));
  }
  const stored = {
    title: 'Stored rows',
    description: 'Rows that came into the warehouse, by kind',
    query: 'stored-rows',
    ...place,
  };
  return builder.withPanel(timeSeriesPanel(stored, 'short'));
}
