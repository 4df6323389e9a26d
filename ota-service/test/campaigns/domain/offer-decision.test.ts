import { describe, expect, it } from 'vitest';
import { CAMPAIGN_STATUSES, UPDATE_STATES } from '@flotilla/contracts';
import { deviceRank } from '../../../src/campaigns/domain/campaign-plan.ts';
import { decideOffer, type OfferCandidate } from '../../../src/campaigns/domain/offer-decision.ts';
import { CAMPAIGN_ID, deviceNames, sampleCampaign } from '../sample-campaign.ts';

const ids = deviceNames(10).toSorted((a, b) =>
  deviceRank(CAMPAIGN_ID, a) < deviceRank(CAMPAIGN_ID, b) ? -1 : 1,
);
const [canary, second, third] = ids as [string, string, string];

const ask = (id: string, candidates: OfferCandidate[], firmwareVersion: string | null = '1.0.0') =>
  decideOffer({ id, group: 'default', firmwareVersion }, candidates);
const only = (
  over: Parameters<typeof sampleCampaign>[1] = {},
  attempts: OfferCandidate['attempts'] = [],
) => [{ campaign: sampleCampaign(ids, over), attempts }];

describe('an offer', () => {
  it('goes to the canary alone in the first phase', () => {
    expect(ids.filter((id) => ask(id, only()) !== null)).toEqual([canary]);
    expect(ask(canary, only())).toEqual({
      campaignId: CAMPAIGN_ID,
      phase: 1,
      round: 1,
      firmwareId: 'fw_0123456789ab',
      deltaFallbackMaxBytes: null,
    });
  });

  it('names the device’s own phase, also when the campaign is further', () => {
    const offers = ids.map((id) => ask(id, only({ currentPhase: 3 }))?.phase);
    expect(offers).toEqual([1, 2, 3, 3, 3, 3, 3, 3, 3, 3]);
    expect(ask(third, only({ currentPhase: 2 }))).toBeNull();
    expect(ask(second, only({ currentPhase: 2 }))).toMatchObject({ phase: 2 });
  });

  it.each(CAMPAIGN_STATUSES.filter((status) => status !== 'running'))(
    'is not made while %s',
    (status) => {
      expect(ask(canary, only({ status }))).toBeNull();
      expect(ask(canary, only({ status }, [{ round: 1, state: 'downloading' }]))).toBeNull();
    },
  );

  it.each(UPDATE_STATES)('after %s in this round', (state) => {
    const offer = ask(canary, only({}, [{ round: 1, state }]));
    expect(offer !== null).toBe(['offered', 'downloading', 'installing', 'trial'].includes(state));
  });

  it('is made again in a new round after a failure, never after a confirmation', () => {
    expect(ask(canary, only({ round: 2 }, [{ round: 1, state: 'failed' }]))).toMatchObject({
      round: 2,
    });
    expect(ask(canary, only({ round: 2 }, [{ round: 1, state: 'confirmed' }]))).toBeNull();
  });

  it('is for devices of the groups that do not have the version', () => {
    expect(ask(canary, only({ groups: ['lab'] }))).toBeNull();
    expect(ask(canary, only({ groups: ['lab', 'default'] }))).not.toBeNull();
    expect(ask(canary, only(), '1.1.0')).toBeNull();
    expect(ask(canary, only(), null)).not.toBeNull();
  });

  it('comes from the newest campaign, and an older one never pulls the device back', () => {
    const newer = sampleCampaign(ids, {
      id: 'cmp_newer0000000',
      version: '2.0.0',
      currentPhase: 3,
    });
    const older = sampleCampaign(ids, { currentPhase: 3 });
    const both = (attempts: OfferCandidate['attempts']) => [
      { campaign: newer, attempts },
      { campaign: older, attempts: [] },
    ];
    expect(ask(canary, both([]))?.campaignId).toBe(newer.id);
    expect(ask(canary, both([]), '2.0.0')).toBeNull();
    expect(ask(canary, both([{ round: 1, state: 'confirmed' }]))).toBeNull();
    expect(ask(canary, both([{ round: 1, state: 'rolled_back' }]))?.campaignId).toBe(older.id);
  });
});
