import { dashboard, statPanel, tablePanel, utilizationPanel } from './panels.ts';

/** Health at a glance, then what it is made of. */
export function edgeHealth() {
  return dashboard('flotilla-edge-health', 'Edge health', 'Health and resources of the fleet')
    .withPanel(
      statPanel(
        {
          title: 'Devices by status',
          description: 'Newest health status of every device seen in the last seven days',
          query: 'devices-by-status',
          span: 24,
          height: 4,
        },
        'short',
      ),
    )
    .withPanel(
      tablePanel({
        title: 'Worst devices',
        description: 'Lowest health first; beside the score the signal that costs most points',
        query: 'worst-devices',
        span: 12,
        height: 9,
      }),
    )
    .withPanel(utilizationPanel('CPU', 'system.cpu.utilization, mean per device', 'cpu'))
    .withPanel(utilizationPanel('Memory', 'system.memory.utilization, mean per device', 'memory'))
    .withPanel(utilizationPanel('Disk', 'system.filesystem.utilization, highest', 'disk'));
}
