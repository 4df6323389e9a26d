import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CAMPAIGN_STATUSES, isFinal, UPDATE_STATES } from '@flotilla/contracts';
import type { PastAttempt } from '../../../src/campaigns/domain/attempt-history.ts';
import type { Campaign } from '../../../src/campaigns/domain/campaign.ts';
import { PLAIN_RULES, type CampaignRules } from '../../../src/campaigns/domain/campaign-rules.ts';
import { deviceRank } from '../../../src/campaigns/domain/campaign-plan.ts';
import {
  byPrecedence,
  decideOffer,
  decidePoll,
  reaches,
  type OfferCandidate,
  type OfferDevice,
} from '../../../src/campaigns/domain/offer-decision.ts';
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

describe('what a poll is answered', () => {
  const rules = (over: Partial<CampaignRules>) => ({ ...PLAIN_RULES, ...over });
  const all = (over: Parameters<typeof sampleCampaign>[1] = {}) =>
    sampleCampaign(ids, { currentPhase: 3, ...over });
  const device = { id: canary, group: 'default', firmwareVersion: '1.0.0' };
  const kindOf = (over: Partial<OfferDevice>, campaign: Campaign, attempts: PastAttempt[] = []) =>
    decidePoll({ ...device, ...over }, [{ campaign, attempts }], 0).kind;

  it.each<[string, Partial<OfferDevice>, Partial<CampaignRules>, PastAttempt[], string]>([
    ['to a newer version', { firmwareVersion: '1.2.0' }, { allowDowngrade: false }, [], 'nothing'],
    ['to a newer version, as signed', { firmwareVersion: '1.2.0' }, {}, [], 'offer'],
    ['in maintenance', { lifecycle: 'maintenance' }, {}, [], 'nothing'],
    [
      'in maintenance, as asked',
      { lifecycle: 'maintenance' },
      { includeMaintenance: true },
      [],
      'offer',
    ],
    [
      'after a rollback elsewhere',
      { rolledBackFrom: new Set(['1.1.0']) },
      { includeRolledBack: false },
      [],
      'nothing',
    ],
    [
      'after as many tries as there are',
      {},
      { maxAttempts: 1 },
      [{ round: 1, state: 'failed' }],
      'nothing',
    ],
    ['in its last try', {}, { maxAttempts: 1 }, [{ round: 1, state: 'trial' }], 'offer'],
    ['off the list', {}, { list: 'and' }, [], 'nothing'],
    ['on another version than named', {}, { versions: ['0.9.0'] }, [], 'nothing'],
    [
      'on another version after its offer',
      { firmwareVersion: '1.0.1' },
      { versions: ['1.0.0'] },
      [{ round: 1, state: 'downloading' }],
      'offer',
    ],
  ])('a device %s', (_name, over, rule, attempts, kind) => {
    expect(kindOf(over, all({ rules: rules(rule) }), attempts)).toBe(kind);
  });

  it('is a retry in the newest round once it was ordered, and what is under way goes on in its own', () => {
    const retried = { ...all({ round: 2 }), baseRound: 1 };
    const round = (state: PastAttempt['state']) =>
      decideOffer(device, [{ campaign: retried, attempts: [{ round: 1, state }] }])?.round;
    expect([round('failed'), round('rolled_back'), round('trial')]).toEqual([2, 2, 1]);
  });

  it('is a way back for whoever confirmed and runs the version, until it has answered', () => {
    const back = { ...all({ status: 'rolling_back', round: 2 }), baseRound: 1 };
    const here = { firmwareVersion: '1.1.0' };
    const confirmed: PastAttempt = { round: 1, state: 'confirmed' };
    expect(kindOf(here, back, [confirmed])).toBe('rollback');
    expect(kindOf(here, back, [confirmed, { round: 2, state: 'offered' }])).toBe('rollback');
    expect(kindOf(here, back, [confirmed, { round: 2, state: 'rolled_back' }])).toBe('nothing');
    expect(kindOf({}, back, [confirmed])).toBe('nothing');
    expect(kindOf(here, back, [{ round: 1, state: 'trial' }])).toBe('nothing');
    expect(kindOf(here, back)).toBe('nothing');
  });

  it('names a running campaign that has come to the device, and never leaves one that is under way', () => {
    const campaign = fc
      .record({
        priority: fc.integer({ min: -2, max: 2 }),
        status: fc.constantFrom(...CAMPAIGN_STATUSES),
        currentPhase: fc.constantFrom(1, 2, 3),
        createdAtMs: fc.nat(3),
        round: fc.constantFrom(1, 2),
        startedAtMs: fc.nat(120_000),
        state: fc.option(fc.constantFrom(...UPDATE_STATES)),
      })
      .map(({ priority, state, startedAtMs, ...over }) => ({ over, priority, state, startedAtMs }));
    const asked = fc.tuple(
      fc.constantFrom(...ids),
      fc.array(campaign, { maxLength: 4 }),
      fc.nat(120_000),
    );
    fc.assert(
      fc.property(asked, ([id, drawn, nowMs]) => {
        const made = drawn.map(({ over, priority, state, startedAtMs }, index) => ({
          campaign: sampleCampaign(ids, {
            ...over,
            id: `cmp_00000000000${index}`,
            rules: rules({ priority }),
          }),
          attempts: state === null ? [] : [{ round: over.round, state, startedAtMs }],
        }));
        const order = byPrecedence(made.map(({ campaign: one }) => one));
        const candidates = order.map((one) => made.find(({ campaign: its }) => its === one)!);
        const decision = decidePoll({ ...device, id }, candidates, nowMs);
        if (decision.kind !== 'offer') return;
        const { offer } = decision;
        const chosen = candidates.find(({ campaign: one }) => one.id === offer.campaignId)!;
        expect(chosen.campaign.status).toBe('running');
        expect(offer.phase).toBeLessThanOrEqual(chosen.campaign.currentPhase);
        const isUnderWay = ({ campaign: one, attempts }: (typeof candidates)[number]) =>
          one.status === 'running' &&
          attempts.some(
            ({ state, startedAtMs }) =>
              !isFinal(state) &&
              nowMs - startedAtMs <= one.deadlineMs &&
              reaches(one, { ...device, id }),
          );
        const underWay = candidates.filter(isUnderWay);
        if (underWay.length > 0) expect(underWay).toContain(chosen);
      }),
      { numRuns: 500 },
    );
  });
});
