import { CAMPAIGN_EVENTS, CAMPAIGN_STATUSES, VERDICTS } from '@flotilla/contracts';
import { describe, expect, it } from 'vitest';
import {
  confirmedDevices,
  finishedDevices,
  newestFirst,
  sampleNeeded,
  underWayDevices,
} from '../../src/campaign/campaign-progress.ts';
import {
  EVENT_WORDS,
  STATUS_WORDS,
  VERDICT_WORDS,
  allowedActions,
} from '../../src/campaign/campaign-words.ts';
import { GOOD_CAMPAIGN_ID, storyFleet } from '../../src/testing/fake-fleet.ts';

const fleet = storyFleet(Date.parse('2026-03-01T12:00:00Z'));

describe('progress', () => {
  it('adds up a campaign', () => {
    const good = fleet.campaigns.find(({ id }) => id === GOOD_CAMPAIGN_ID)!;
    expect(confirmedDevices(good)).toBe(9);
  });

  it('counts silence as an end', () => {
    const counts = { started: 9, confirmed: 3, failed: 1, rolledBack: 2, silent: 1 };
    expect(finishedDevices(counts)).toBe(7);
    expect(underWayDevices(counts)).toBe(2);
  });

  it('never shows fewer than no devices under way', () => {
    // Counts and starts come from different reports and may meet the warehouse in any order.
    const counts = { started: 0, confirmed: 1, failed: 0, rolledBack: 0, silent: 0 };
    expect(underWayDevices(counts)).toBe(0);
  });

  it('caps the sample by the phase', () => {
    expect(sampleNeeded(10, 1)).toBe(1);
    expect(sampleNeeded(10, 400)).toBe(10);
    expect(sampleNeeded(null, 400)).toBe(400);
  });

  it('lists the newest campaign first', () => {
    const times = newestFirst([...fleet.campaigns].reverse()).map(({ createdAt }) => createdAt);
    expect(times).toEqual([...times].sort().reverse());
  });
});

describe('words', () => {
  it('cover every status, verdict and event', () => {
    expect(Object.keys(STATUS_WORDS).sort()).toEqual([...CAMPAIGN_STATUSES].sort());
    expect(Object.keys(VERDICT_WORDS).sort()).toEqual([...VERDICTS].sort());
    expect(Object.keys(EVENT_WORDS).sort()).toEqual([...CAMPAIGN_EVENTS].sort());
  });

  it('offer no action once a campaign has ended', () => {
    expect(allowedActions({ status: 'running' })).toEqual(['pause', 'abort']);
    expect(allowedActions({ status: 'paused' })).toEqual(['resume', 'abort']);
    expect(allowedActions({ status: 'completed' })).toEqual([]);
  });

  it('offer what the service says, when it says it', () => {
    const actions = ['skip-phase', 'rollback'] as const;
    expect(allowedActions({ status: 'paused', actions: [...actions] })).toEqual(actions);
  });
});
