import { campaignRollout } from './campaign-rollout.ts';
import { edgeHealth } from './edge-health.ts';
import type { ClassicDashboard } from './panels.ts';

/** File name → dashboard. */
export const DASHBOARDS: Readonly<Record<string, () => ClassicDashboard>> = {
  'edge-health': edgeHealth,
  'campaign-rollout': campaignRollout,
};

/** The JSON text as it is committed; the same input always gives the same text. */
export function render(builder: ClassicDashboard): string {
  return `${JSON.stringify(builder.build(), null, 2)}\n`;
}
