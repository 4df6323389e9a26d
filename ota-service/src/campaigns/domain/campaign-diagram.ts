import { CAMPAIGN_STATUSES } from '@flotilla/contracts';
import { ACTS, CAMPAIGN_ACTS, STEPS, type CampaignState } from './campaign-machine.ts';

/** The machine as a Mermaid state diagram; `docs/campaigns.md` shows it. */
export function campaignDiagram(): string {
  const lines = ['stateDiagram-v2'];
  for (const state of ['none', ...CAMPAIGN_STATUSES] as const) {
    for (const [next, acts] of arrowsFrom(state)) {
      lines.push(`  ${state === 'none' ? '[*]' : state} --> ${next}: ${acts.join(', ')}`);
    }
    if (arrowsFrom(state).size === 0) lines.push(`  ${state} --> [*]`);
  }
  return lines.join('\n');
}

/** Acts that lead to the same status share an arrow; who takes one that no operator takes stands beside. */
function arrowsFrom(state: CampaignState): Map<string, string[]> {
  const arrows = new Map<string, string[]>();
  for (const act of CAMPAIGN_ACTS) {
    const next = STEPS[state][act];
    if (next === undefined) continue;
    const { by } = ACTS[act];
    const label = by === 'operator' ? act : `${act} (${by})`;
    arrows.set(next, [...(arrows.get(next) ?? []), label]);
  }
  return arrows;
}
