import { dashboard, queryVariable, tablePanel, timeSeriesPanel } from './panels.ts';

/** One campaign: how far it is, and what went wrong. */
export function campaignRollout() {
  return dashboard('flotilla-campaign', 'Campaign rollout', 'Outcomes of one campaign, by phase')
    .withVariable(queryVariable('campaign', 'Campaign', 'campaigns'))
    .withPanel(
      tablePanel({
        title: 'Phases',
        description: 'Final outcomes per phase and their error rate',
        query: 'campaign-phases',
        span: 24,
        height: 6,
      }),
    )
    .withPanel(
      timeSeriesPanel(
        {
          title: 'Finished devices',
          description: 'Final outcomes per minute',
          query: 'campaign-outcomes',
          span: 12,
          height: 9,
        },
        'short',
      ),
    )
    .withPanel(
      tablePanel({
        title: 'What went wrong',
        description: 'Devices that failed or rolled back, newest first',
        query: 'campaign-failures',
        span: 12,
        height: 9,
      }),
    );
}
