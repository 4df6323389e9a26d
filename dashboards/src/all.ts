import { campaignRollout } from './campaign-rollout.ts';
import { device } from './device.ts';
import { edgeHealth } from './edge-health.ts';
import { fleetResources } from './fleet-resources.ts';
import { logs } from './logs.ts';
import type { ClassicDashboard } from './panels.ts';
import { pipeline } from './pipeline.ts';

/** File name → dashboard. */
export const DASHBOARDS: Readonly<Record<string, () => ClassicDashboard>> = {
  'edge-health': edgeHealth,
  'fleet-resources': fleetResources,
  'campaign-rollout': campaignRollout,
  device,
  logs,
  pipeline,
};

/** The JSON text as it is committed; the same input always gives the same text. */
export function render(builder: ClassicDashboard): string {
  return `${JSON.stringify(builder.build(), null, 2)}\n`;
}
