import { dashboard, metricsPanel, timeSeriesPanel } from './panels.ts';

const half = { span: 12, height: 8 } as const;
const quantile = (share: number, metric: string, by: string) =>
  `histogram_quantile(${share}, sum by (le, ${by}) (rate(${metric}_bucket[$__rate_interval])))`;

/** The path of the telemetry and the service that steers by it: what comes in, what waits, what fails. */
export function pipeline() {
  return dashboard(
    'flotilla-pipeline',
    'Pipeline',
    'Collector, pipeline, warehouse and ota-service themselves',
    'warehouse and metrics',
  )
    .withPanel(
      metricsPanel(
        {
          title: 'Requests to the collector',
          description: 'OTLP requests a second by outcome; anything but accepted was refused',
          ...half,
        },
        'reqps',
        [
          {
            expr: 'sum by (outcome) (rate(flotilla_collector_requests_total[$__rate_interval]))',
            legend: '{{outcome}}',
          },
        ],
      ),
    )
    .withPanel(
      metricsPanel(
        {
          title: 'Accepted bytes',
          description: 'Bytes a second that the log holds durably, by signal',
          ...half,
        },
        'Bps',
        [
          {
            expr: 'sum by (signal) (rate(flotilla_collector_accepted_bytes_total[$__rate_interval]))',
            legend: '{{signal}}',
          },
        ],
      ),
    )
    .withPanel(
      metricsPanel(
        {
          title: 'Waiting records',
          description: 'Appended to the log and not yet in the warehouse',
          ...half,
        },
        'short',
        [{ expr: 'sum by (topic) (flotilla_pipeline_lag_records)', legend: '{{topic}}' }],
      ),
    )
    .withPanel(
      metricsPanel(
        {
          title: 'Lost, dead and repeated',
          description: 'Records a second that were lost, unreadable, or repeats of a retry',
          ...half,
        },
        'short',
        [
          {
            expr: 'sum(rate(flotilla_pipeline_lost_records_total[$__rate_interval]))',
            legend: 'lost',
          },
          {
            expr: 'sum(rate(flotilla_pipeline_dead_letters_total[$__rate_interval]))',
            legend: 'unreadable',
          },
          {
            expr: 'sum(rate(flotilla_pipeline_duplicates_dropped_total[$__rate_interval]))',
            legend: 'repeats',
          },
        ],
      ),
    )
    .withPanel(
      metricsPanel(
        {
          title: 'Time of an insert',
          description: '95th percentile by table',
          ...half,
        },
        's',
        [
          {
            expr: quantile(0.95, 'flotilla_pipeline_insert_seconds', 'table'),
            legend: '{{table}}',
          },
        ],
      ),
    )
    .withPanel(
      metricsPanel(
        {
          title: 'Time of a judgement',
          description: '95th percentile of health computations and of campaign evaluations',
          ...half,
        },
        's',
        [
          { expr: quantile(0.95, 'flotilla_pipeline_health_job_seconds', 'job'), legend: 'health' },
          {
            expr: quantile(0.95, 'flotilla_evaluation_duration_seconds', 'job'),
            legend: 'campaigns',
          },
        ],
      ),
    )
    .withPanel(
      metricsPanel(
        {
          title: 'Answers of ota-service',
          description: 'Requests a second by status',
          ...half,
        },
        'reqps',
        [
          {
            expr: 'sum by (status) (rate(flotilla_http_request_duration_seconds_count[$__rate_interval]))',
            legend: '{{status}}',
          },
        ],
      ),
    )
    .withPanel(
      timeSeriesPanel(
        {
          title: 'Stored rows',
          description: 'Rows that came into the warehouse, by kind',
          query: 'stored-rows',
          ...half,
        },
        'short',
      ),
    );
}
