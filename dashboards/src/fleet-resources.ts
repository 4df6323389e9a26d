import { dashboard, tablePanel, timeSeriesPanel } from './panels.ts';

const BANDS = 'median, 95th percentile and highest of all devices';

/** CPU, memory and disk of the whole fleet, and who uses the most. */
export function fleetResources() {
  const builder = dashboard(
    'flotilla-fleet-resources',
    'Fleet resources',
    'CPU, memory and disk of the fleet',
  );
  for (const [title, resource] of [
    ['CPU', 'cpu'],
    ['Memory', 'memory'],
    ['Disk', 'disk'],
  ] as const) {
    builder
      .withPanel(
        timeSeriesPanel(
          {
            title,
            description: `${title} utilization: ${BANDS}`,
            query: `resources-${resource}`,
            span: 16,
            height: 9,
          },
          'percentunit',
          1,
        ),
      )
      .withPanel(
        tablePanel({
          title: `Highest ${title === 'CPU' ? title : title.toLowerCase()}`,
          description: 'Devices by their newest value within the range',
          query: `highest-${resource}`,
          span: 8,
          height: 9,
        }),
      );
  }
  return builder;
}
