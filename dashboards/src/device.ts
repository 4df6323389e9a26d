import {
  dashboard,
  queryVariable,
  statPanel,
  tablePanel,
  timeSeriesPanel,
  type ClassicDashboard,
} from './panels.ts';

/** One device: its health and what it is made of, its resources, its updates and its logs. */
export function device() {
  const builder = dashboard(
    'flotilla-device',
    'Device',
    'Health, resources, updates and logs of one device',
  )
    .withVariable(queryVariable('device', 'Device', 'devices'))
    .withPanel(
      statPanel(
        {
          title: 'Health',
          description: 'Newest score, from 0 to 100',
          query: 'device-score',
          span: 6,
          height: 8,
        },
        'short',
      ),
    )
    .withPanel(
      timeSeriesPanel(
        {
          title: 'Health over time',
          description: 'Score of every computation, from 0 to 100',
          query: 'device-health',
          span: 10,
          height: 8,
        },
        'short',
        100,
      ),
    )
    .withPanel(
      tablePanel({
        title: 'Signals',
        description: 'What the newest computation saw, the costliest first',
        query: 'device-signals',
        span: 8,
        height: 8,
      }),
    );
  return withTelemetry(builder);
}

function withTelemetry(builder: ClassicDashboard): ClassicDashboard {
  return builder
    .withPanel(
      timeSeriesPanel(
        {
          title: 'Resources',
          description: 'CPU and memory as means, disk as the fullest file system',
          query: 'device-utilization',
          span: 24,
          height: 9,
        },
        'percentunit',
        1,
      ),
    )
    .withPanel(
      tablePanel({
        title: 'Updates',
        description: 'Every report of an update, newest first',
        query: 'device-updates',
        span: 12,
        height: 9,
      }),
    )
    .withPanel(
      tablePanel({
        title: 'Logs',
        description: 'Newest log records within the range',
        query: 'device-log-records',
        span: 12,
        height: 9,
      }),
    );
}
