import { describe, expect, it } from 'vitest';
import { CAMPAIGN_ACTIONS, CAMPAIGN_EVENTS, CAMPAIGN_STATUSES } from '@flotilla/contracts';
import {
  ACT_OF_ACTION,
  ACTS,
  CAMPAIGN_ACTS,
  stepCampaign,
  STEPS,
  type CampaignState,
} from '../../../src/campaigns/domain/campaign-machine.ts';

const ENDED = ['rolled_back'];
const pairs = (['none', ...CAMPAIGN_STATUSES] as const).flatMap((status) =>
  CAMPAIGN_ACTS.map((act) => [status, act] as const),
);
const stepsFrom = (state: CampaignState) =>
  CAMPAIGN_ACTS.flatMap((act) => {
    const step = stepCampaign(state, act);
    return step.ok ? [step.status] : [];
  });

describe('campaign machine', () => {
  it.each(pairs)(
    'from %s by %s goes where the table says, or is refused in words',
    (status, act) => {
      const step = stepCampaign(status, act);
      const next = STEPS[status][act];
      if (next !== undefined) {
        expect(step).toEqual({ ok: true, status: next });
        return;
      }
      expect(step).toMatchObject({ ok: false });
      expect(step).toHaveProperty('reason', expect.stringContaining(`cannot ${act}`));
      expect(step).toHaveProperty('reason', expect.stringContaining(status));
    },
  );

  it('reaches every status, and each but the last has a way out', () => {
    const reached = new Set<CampaignState>(['none']);
    for (const state of reached) for (const next of stepsFrom(state)) reached.add(next);
    expect([...reached].sort()).toEqual(['none', ...CAMPAIGN_STATUSES].sort());
    for (const status of CAMPAIGN_STATUSES) {
      expect(stepsFrom(status).length > 0).toBe(!ENDED.includes(status));
    }
  });

  it('offers nothing again after a pause, an end or before an approval but by an operator', () => {
    for (const status of ['paused', 'completed', 'aborted', 'awaiting_approval'] as const) {
      const back = CAMPAIGN_ACTS.filter((act) => STEPS[status][act] === 'running');
      expect(back.every((act) => ACTS[act].by === 'operator')).toBe(true);
    }
    expect(Object.values(STEPS.awaiting_approval)).not.toContain('running');
  });

  it('has an act for every action and an event of the contract for every act', () => {
    const byOperator = CAMPAIGN_ACTIONS.map((action) => ACTS[ACT_OF_ACTION[action]].by);
    expect(new Set(byOperator)).toEqual(new Set(['operator']));
    const events = new Set(CAMPAIGN_ACTS.map((act) => ACTS[act].event));
    expect([...events].sort()).toEqual([...CAMPAIGN_EVENTS].sort());
  });
});
