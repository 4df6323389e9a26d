import type { ClickHouseClient } from '@clickhouse/client';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { isFinal, SERVICE_NAME_DEVICE, type UpdateState } from '@flotilla/contracts';
import { readCampaignCounts } from '../../src/campaigns/campaign-counts.ts';
import type { Campaign } from '../../src/campaigns/domain/campaign.ts';
import { deviceRank } from '../../src/campaigns/domain/campaign-plan.ts';
import { CAMPAIGN_ID, deviceNames, sampleCampaign } from './sample-campaign.ts';
import { listenAsWarehouse } from './warehouse-endpoint.ts';
import {
  createUpdateEventsView,
  forgetUpdateEvents,
  insertUpdateEvents,
  openEmbeddedWarehouse,
} from './embedded-warehouse.ts';

const NOW = Date.UTC(2026, 0, 2);
const DEADLINE_MS = 60_000;
const ids = deviceNames(10).toSorted((a, b) =>
  deviceRank(CAMPAIGN_ID, a) < deviceRank(CAMPAIGN_ID, b) ? -1 : 1,
);
const [canary, second, third, fourth] = ids as [string, string, string, string];

let warehouse: ClickHouseClient;
let reports = 0;

beforeAll(async () => {
  warehouse = await openEmbeddedWarehouse();
});
afterAll(() => warehouse.close());
beforeEach(() => forgetUpdateEvents(warehouse));

const event = (
  DeviceId: string,
  State: UpdateState,
  over: {
    round?: number;
    agoMs?: number;
    campaign?: string;
    claimedPhase?: number;
    serviceName?: string;
  } = {},
) => ({
  ReportId: `report-${(reports += 1)}`,
  CampaignId: over.campaign ?? CAMPAIGN_ID,
  DeviceId,
  Phase: over.claimedPhase ?? 1,
  Round: over.round ?? 1,
  State,
  Outcome: isFinal(State) ? State : '',
  occurredAtMs: NOW - (over.agoMs ?? 1000),
  ...(over.serviceName !== undefined && { serviceName: over.serviceName }),
});

/** Inserts events, each after an offer of its round by ota-service, unless the offer is among them. */
const tell = (...events: ReturnType<typeof event>[]) => {
  const roundOf = (one: { DeviceId: string; Round: number }) => `${one.DeviceId} ${one.Round}`;
  const offered = new Set(events.filter(({ State }) => State === 'offered').map(roundOf));
  const offers = events
    .filter((one) => !offered.has(roundOf(one)) && offered.add(roundOf(one)))
    .map(({ DeviceId, Round: round, CampaignId: campaign }) =>
      event(DeviceId, 'offered', { round, campaign, agoMs: 5 * DEADLINE_MS }),
    );
  return insertUpdateEvents(warehouse, [...offers, ...events]);
};

const countOn = (on: ClickHouseClient, excludedIds: string[], round = 1) =>
  readCampaignCounts(on, sampleCampaign(ids, { round, deadlineMs: DEADLINE_MS }), {
    nowMs: NOW,
    excludedIds,
    signal: AbortSignal.timeout(20_000),
  });
const countOf = (campaign: Campaign) =>
  readCampaignCounts(warehouse, campaign, {
    nowMs: NOW,
    excludedIds: [],
    signal: AbortSignal.timeout(20_000),
  });
const count = (round = 1, excludedIds: string[] = []) => countOn(warehouse, excludedIds, round);

const nothing = { started: 0, confirmed: 0, failed: 0, rolled_back: 0, silent: 0 };

describe('campaign-counts.sql', () => {
  it('answers nothing for a campaign nobody reported on', async () => {
    await tell(event(canary, 'confirmed', { campaign: 'cmp_other0000000' }));
    expect(await count()).toEqual([]);
  });

  it('counts each device once, in the phase of its rank, whatever it claims', async () => {
    await tell(
      event(canary, 'offered', { agoMs: 9000 }),
      event(canary, 'downloading', { agoMs: 8000 }),
      event(canary, 'trial', { agoMs: 5000 }),
      event(canary, 'confirmed', { agoMs: 4000, claimedPhase: 3 }),
      event(second, 'rolled_back', { agoMs: 3000 }),
      event(third, 'failed', { agoMs: 2000 }),
      event(fourth, 'offered'),
    );
    expect(await count()).toEqual([
      {
        ...nothing,
        phase: 1,
        started: 1,
        confirmed: 1,
        first_failure_at_ms: 0,
        last_finish_at_ms: NOW - 4000,
      },
      {
        ...nothing,
        phase: 2,
        started: 1,
        rolled_back: 1,
        first_failure_at_ms: NOW - 3000,
        last_finish_at_ms: NOW - 3000,
      },
      {
        ...nothing,
        phase: 3,
        started: 1,
        failed: 1,
        first_failure_at_ms: NOW - 2000,
        last_finish_at_ms: NOW - 2000,
      },
    ]);
  });

  it('does not advance on devices it never offered anything to', async () => {
    const own = { serviceName: SERVICE_NAME_DEVICE };
    await insertUpdateEvents(warehouse, [
      event(canary, 'offered', own),
      event(canary, 'confirmed', own),
      event(second, 'failed', own),
      // Offered in round 1 only: what it says of round 2 is no evidence.
      event(third, 'offered', { agoMs: 9000 }),
      event(third, 'confirmed', { ...own, round: 2 }),
      event(fourth, 'offered', { round: 2, agoMs: 9000 }),
      event(fourth, 'confirmed', { ...own, round: 2 }),
    ]);
    expect(await count(2)).toEqual([
      expect.objectContaining({ phase: 3, started: 1, confirmed: 1 }),
    ]);
  });

  it('believes ota-service over a device that sends the same report', async () => {
    const report = event(canary, 'rolled_back');
    const forged = { ...report, State: 'confirmed', Outcome: 'confirmed' };
    await tell(report);
    await insertUpdateEvents(warehouse, [{ ...forged, serviceName: SERVICE_NAME_DEVICE }]);
    expect(await count()).toMatchObject([{ phase: 1, rolled_back: 1, confirmed: 0 }]);
  });

  it('takes the first outcome of a round', async () => {
    await tell(
      event(canary, 'confirmed', { agoMs: 1000 }),
      event(canary, 'rolled_back', { agoMs: 2000 }),
      event(second, 'failed', { agoMs: 1000 }),
      event(second, 'confirmed', { agoMs: 2000 }),
    );
    expect(await count()).toMatchObject([
      { phase: 1, rolled_back: 1, confirmed: 0 },
      { phase: 2, failed: 0, confirmed: 1 },
    ]);
  });

  it('sets failures of earlier rounds aside and keeps confirmations', async () => {
    await tell(
      event(canary, 'rolled_back', { round: 1 }),
      event(second, 'confirmed', { round: 1 }),
      event(third, 'failed', { round: 1 }),
      event(third, 'confirmed', { round: 2 }),
      event(fourth, 'confirmed', { round: 3 }),
    );
    expect(await count(2)).toMatchObject([
      { phase: 1, started: 0, rolled_back: 0 },
      { phase: 2, started: 1, confirmed: 1 },
      { phase: 3, started: 1, confirmed: 1, failed: 0 },
    ]);
  });

  it('judges a device by its newest round since the base round', async () => {
    await tell(
      event(canary, 'failed', { round: 2 }),
      event(second, 'failed', { round: 2 }),
      event(second, 'downloading', { round: 3 }),
      event(third, 'failed', { round: 2 }),
      event(third, 'confirmed', { round: 3 }),
      event(fourth, 'failed', { round: 1 }),
    );
    const retried = { ...sampleCampaign(ids, { round: 3, deadlineMs: DEADLINE_MS }), baseRound: 2 };
    expect(await countOf(retried)).toMatchObject([
      { phase: 1, started: 1, failed: 1 },
      { phase: 2, started: 1, failed: 0 },
      { phase: 3, started: 1, confirmed: 1, failed: 0 },
    ]);
  });

  it('gives each phase its own deadline', async () => {
    const campaign = sampleCampaign(ids, { deadlineMs: DEADLINE_MS });
    const phases = campaign.phases.map((phase) =>
      phase.phase === 2 ? { ...phase, deadlineMs: 1000 } : phase,
    );
    await tell(
      event(canary, 'downloading', { agoMs: 1001 }),
      event(second, 'downloading', { agoMs: 1001 }),
      event(third, 'downloading', { agoMs: 1001 }),
    );
    expect(await countOf({ ...campaign, phases })).toMatchObject([
      { phase: 1, silent: 0 },
      { phase: 2, silent: 1, first_failure_at_ms: NOW - 1 },
      { phase: 3, silent: 0 },
    ]);
  });

  it('calls a started device silent after the deadline, until it confirms after all', async () => {
    await tell(
      event(canary, 'downloading', { agoMs: DEADLINE_MS + 1 }),
      event(second, 'downloading', { agoMs: DEADLINE_MS }),
      event(third, 'offered', { agoMs: DEADLINE_MS * 2 }),
    );
    expect(await count()).toMatchObject([
      { phase: 1, started: 1, silent: 1, first_failure_at_ms: NOW - 1 },
      { phase: 2, started: 1, silent: 0 },
      { phase: 3, started: 1, silent: 1, first_failure_at_ms: NOW - DEADLINE_MS },
    ]);
    await tell(event(canary, 'confirmed'));
    expect((await count())[0]).toMatchObject({ started: 1, confirmed: 1, silent: 0 });
  });

  it('calls a device that died right after the offer silent, not before the deadline', async () => {
    await tell(
      event(canary, 'offered', { agoMs: DEADLINE_MS + 1 }),
      event(second, 'offered', { agoMs: DEADLINE_MS }),
    );
    expect(await count()).toMatchObject([
      { phase: 1, started: 1, silent: 1, first_failure_at_ms: NOW - 1 },
      { phase: 2, started: 0, silent: 0 },
    ]);
    // A new round offers it again; the silence of the earlier one is set aside.
    expect(await count(2)).toMatchObject([
      { phase: 1, started: 0, silent: 0 },
      { phase: 2, started: 0, silent: 0 },
    ]);
  });

  it.each([
    ['far behind', 400 * 86_400_000],
    ['far ahead', -400 * 86_400_000],
  ])('does not believe a device’s clock that is %s', async (_name, agoMs) => {
    const offeredAgo = (ms: number) => event(canary, 'offered', { agoMs: ms });
    await tell(offeredAgo(5000), event(canary, 'trial', { agoMs }));
    expect(await count()).toMatchObject([{ started: 1, silent: 0 }]);
    await forgetUpdateEvents(warehouse);
    await tell(offeredAgo(DEADLINE_MS + 5000), event(canary, 'trial', { agoMs }));
    expect(await count()).toMatchObject([{ started: 1, silent: 1 }]);
  });

  it('leaves out whom it is told to, whatever the name', async () => {
    await tell(event(canary, 'failed'), event(second, 'failed'));
    expect(await count(1, [canary, "o'brien\\"])).toMatchObject([{ phase: 2, failed: 1 }]);
  });

  it('leaves out 5,000 devices through an endpoint that takes request heads of 16 KiB', async () => {
    const fleet = deviceNames(5000).map((id) => `${id}-${'x'.repeat(20)}`);
    const kept = [fleet.toSorted()[0], fleet.toSorted()[2500], fleet.toSorted().at(-1)] as string[];
    const excluded = fleet.filter((id) => !kept.includes(id));
    await tell(...fleet.map((id) => event(id, 'failed', { agoMs: 2000 })));
    await tell(...kept.map((id, i) => event(id, 'failed', { agoMs: 3000 + i })));
    const endpoint = await listenAsWarehouse(warehouse);
    try {
      const rows = await countOn(endpoint.client, excluded);
      expect(rows.reduce((sum, { failed }) => sum + failed, 0)).toBe(kept.length);
      expect(Math.min(...rows.map((row) => row.first_failure_at_ms))).toBe(NOW - 3002);
      expect(endpoint.longestUrl()).toBeGreaterThan(4096);
    } finally {
      await endpoint.close();
    }
  });

  it('rejects when the view is not there', async () => {
    await warehouse.command({ query: 'DROP VIEW flotilla_update_events' });
    try {
      await expect(count()).rejects.toThrow(/flotilla_update_events/);
    } finally {
      await createUpdateEventsView(warehouse);
    }
  });
});
