import { CAMPAIGN_STATUSES, type CampaignStatus } from '@flotilla/contracts';
import { describe, expect, it } from 'vitest';
import { stepCampaign } from '../../../src/campaigns/domain/campaign-machine.ts';
import { PLAIN_RULES } from '../../../src/campaigns/domain/campaign-rules.ts';
import { dueStep } from '../../../src/campaigns/domain/due-step.ts';

const START = 1000;
const END = 2000;
const at = (status: CampaignStatus, nowMs: number, startAtMs: number | null = START) =>
  dueStep({ status, rules: { ...PLAIN_RULES, startAtMs, endAtMs: END } }, nowMs);

describe('what the clock does to a campaign', () => {
  it.each([
    ['scheduled', START - 1, null],
    ['scheduled', START, 'start'],
    ['scheduled', END, 'expire'],
    ['awaiting_approval', START, null],
    ['awaiting_approval', END, 'expire'],
    ['running', END - 1, null],
    ['running', END, 'expire'],
    ['paused', END, 'expire'],
    ['completed', END, null],
    ['rolling_back', END, null],
  ] as const)('%s at %i: %s', (status, nowMs, step) => {
    expect(at(status, nowMs)).toBe(step);
  });

  it('starts an approved one at once when it has no time of its own', () => {
    expect(at('scheduled', 0, null)).toBe('start');
  });

  it.each(CAMPAIGN_STATUSES)('is legal for %s', (status) => {
    for (const nowMs of [0, START, END]) {
      const step = at(status, nowMs);
      if (step !== null) expect(stepCampaign(status, step).ok).toBe(true);
    }
  });
});
