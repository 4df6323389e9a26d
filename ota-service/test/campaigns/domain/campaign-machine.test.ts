import { describe, expect, it } from 'vitest';
import { CAMPAIGN_STATUSES } from '@flotilla/contracts';
import { CAMPAIGN_ACTIONS, stepCampaign } from '../../../src/campaigns/domain/campaign-machine.ts';

const legal = new Map([
  ['none create', 'running'],
  ['running advance', 'running'],
  ['running complete', 'completed'],
  ['running auto_pause', 'paused'],
  ['running pause', 'paused'],
  ['running abort', 'aborted'],
  ['paused resume', 'running'],
  ['paused abort', 'aborted'],
]);

const pairs = (['none', ...CAMPAIGN_STATUSES] as const).flatMap((status) =>
  CAMPAIGN_ACTIONS.map((act) => [status, act] as const),
);

describe('campaign machine', () => {
  it.each(pairs)('from %s by %s', (status, act) => {
    const step = stepCampaign(status, act);
    const next = legal.get(`${status} ${act}`);
    if (next === undefined) {
      expect(step.ok).toBe(false);
      expect(step).toHaveProperty('reason', expect.stringContaining(`cannot ${act}`));
      expect(step).toHaveProperty('reason', expect.stringContaining(status));
    } else {
      expect(step).toEqual({ ok: true, status: next });
    }
  });

  it('leaves no way out of an ended campaign and one out of every other', () => {
    for (const status of CAMPAIGN_STATUSES) {
      const exits = CAMPAIGN_ACTIONS.filter((act) => stepCampaign(status, act).ok).length;
      expect(exits > 0).toBe(status === 'running' || status === 'paused');
    }
  });
});
