import { choiceVariable, dashboard, tablePanel, timeSeriesPanel } from './panels.ts';

/** What the fleet says: how much, by whom, and the words. */
export function logs() {
  return dashboard('flotilla-logs', 'Logs', 'Log records of the fleet')
    .withVariable(
      // Ranges of SeverityNumber in OpenTelemetry's log data model.
      choiceVariable('severity', 'At least', { Warning: '13', Error: '17', Info: '9', All: '0' }),
    )
    .withPanel(
      timeSeriesPanel(
        {
          title: 'Records by severity',
          description: 'Log records per interval',
          query: 'log-rate',
          span: 16,
          height: 9,
        },
        'short',
      ),
    )
    .withPanel(
      tablePanel({
        title: 'Loudest devices',
        description: 'Devices with the most records of the chosen severity within the range',
        query: 'log-devices',
        span: 8,
        height: 9,
      }),
    )
    .withPanel(
      tablePanel({
        title: 'Records',
        description: 'Newest first',
        query: 'log-records',
        span: 24,
        height: 14,
      }),
    );
}
