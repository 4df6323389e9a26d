import type { ClickHouseClient } from '@clickhouse/client';
import { campaignCreateSchema, type CampaignView, type GuardsInput } from '@flotilla/contracts';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { CampaignWorld, FIRMWARE_ID, type Replica } from './campaign-world.ts';
import { insertLines, insertPoints, type Line, type Point } from './device-telemetry-rows.ts';
import { openEmbeddedWarehouse } from './embedded-warehouse.ts';
import { deviceNames } from './sample-campaign.ts';

const FLEET = 80;
const WINDOW_MS = 600_000;
const EVERY_MS = 60_000;
/** A device's queue and the pipeline take a while, so the guards wait for this. */
const SETTLING_MS = 30_000;

let warehouse: ClickHouseClient;
let world: CampaignWorld;
let replica: Replica;

beforeAll(async () => {
  warehouse = await openEmbeddedWarehouse();
});
afterAll(() => warehouse.close());
beforeEach(async () => {
  world = await CampaignWorld.open(warehouse);
  await warehouse.command({ query: 'TRUNCATE TABLE otel_metrics_gauge' });
  replica = await world.replica();
  await world.addFirmware(replica.database);
  await world.addDevices(replica.database, deviceNames(FLEET));
});
afterEach(() => world.close());

/** Starts a campaign whose canary of twelve confirms at once; the moment of it is `world.nowMs`. */
async function confirmedCanary(guards: GuardsInput | undefined): Promise<{
  campaign: CampaignView;
  canaries: Set<string>;
}> {
  const request = {
    name: 'roll',
    firmwareId: FIRMWARE_ID,
    phases: [{ percent: 15 }, { percent: 100 }],
    ...(guards !== undefined && { guards }),
  };
  const campaign = await replica.service.create(campaignCreateSchema.parse(request), 'operator');
  const offered = await world.pollAll(replica);
  for (const [id, report] of offered) {
    await replica.service.recordReport(id, { ...report, state: 'confirmed' }, world.nowMs);
  }
  await world.pump();
  return { campaign, canaries: new Set(offered.keys()) };
}

/** What every device of the fleet sends over both windows, the same before and after unless told. */
async function tell(
  canaries: ReadonlySet<string>,
  canary: { point?: (sinceMs: number) => Partial<Point>; errors?: number; isSilent?: boolean },
): Promise<void> {
  const updatedAtMs = world.nowMs;
  const all = deviceNames(FLEET).map((id) => ({ id, isCanary: canaries.has(id) }));
  const points = all.map(({ id, isCanary }) => ({
    device: { id, version: '1.0.0' },
    points: Array.from({ length: (2 * WINDOW_MS) / EVERY_MS }, (_, i): Point | null => {
      const sinceMs = i * EVERY_MS - WINDOW_MS;
      if (isCanary && sinceMs >= 0 && canary.isSilent === true) return null;
      // Devices differ, and no reading is like the one before.
      const cpu = 0.2 + (id.length % 3) / 10 + ((i * 7) % 5) / 500;
      const usual = { atMs: updatedAtMs + sinceMs, cpu, memory: 0.4 + ((i * 11) % 7) / 1000 };
      return isCanary && sinceMs >= 0 ? { ...usual, ...canary.point?.(sinceMs) } : usual;
    }).filter((point) => point !== null),
  }));
  await insertPoints(warehouse, points);
  const lines = all.map(({ id, isCanary }) => ({
    device: { id, version: '1.0.0' },
    lines: [-1, 1].flatMap((side) =>
      Array.from({ length: isCanary && side > 0 ? (canary.errors ?? 4) : 4 }, (_, i): Line => {
        return { atMs: updatedAtMs + side * (1000 + i * 1000), kind: 'error' };
      }),
    ),
  }));
  await insertLines(warehouse, lines);
}

/** On a busy machine the gate may lose its patience with the warehouse; then it looks again. */
async function evaluated(id: string): Promise<CampaignView> {
  for (let tries = 1; ; tries += 1) {
    await replica.service.evaluateAll();
    const view = await replica.service.get(id);
    if (view.verdict?.code !== 'warehouse_unavailable' || tries === 5) return view;
  }
}

const guards: GuardsInput = { windowMs: WINDOW_MS, skipMs: 0 };
const afterWindows = () => (world.nowMs += WINDOW_MS + SETTLING_MS);

describe('a campaign with guards', () => {
  it('pauses a firmware that confirms and leaks memory, and keeps what it saw', async () => {
    const { campaign, canaries } = await confirmedCanary(guards);
    await tell(canaries, { point: (sinceMs) => ({ memory: 0.4 + (sinceMs / 3_600_000) * 0.3 }) });
    expect((await evaluated(campaign.id)).verdict).toMatchObject({ code: 'guards_waiting' });
    afterWindows();
    const paused = await evaluated(campaign.id);
    expect(paused).toMatchObject({ status: 'paused', verdict: { code: 'guard_breached' } });
    expect(paused.verdict?.words).toMatch(/^memory: 12 of 12 updated devices worse .* limit 2$/);
    const last = (await replica.service.events(campaign.id)).at(-1);
    expect(last).toMatchObject({
      event: 'auto_paused',
      actor: 'gate',
      reason: paused.verdict?.words,
    });
    const evidence = last?.evidence as {
      guards: { metrics: { metric: string; median: number }[] };
    };
    const memory = evidence.guards.metrics.find(({ metric }) => metric === 'memorySlope');
    expect(memory?.median).toBeGreaterThan(25);
    expect(memory?.median).toBeLessThan(35);
  });

  it('pauses a firmware that logs ten times the errors', async () => {
    const { campaign, canaries } = await confirmedCanary(guards);
    await tell(canaries, { errors: 40 });
    afterWindows();
    const { status, verdict } = await evaluated(campaign.id);
    expect(status).toBe('paused');
    expect(verdict?.words).toContain('error log records: 12 of 12 updated devices');
  });

  it('goes on with a good firmware, and says what nobody sends', async () => {
    const { campaign, canaries } = await confirmedCanary(guards);
    await tell(canaries, {});
    afterWindows();
    expect(await evaluated(campaign.id)).toMatchObject({
      currentPhase: 2,
      verdict: { words: '12 of 12 devices confirmed; guards: battery: not available' },
    });
  });

  it('holds while nothing comes from the updated devices', async () => {
    const { campaign, canaries } = await confirmedCanary({
      ...guards,
      limits: { connectivity: null },
    });
    await tell(canaries, { isSilent: true });
    afterWindows();
    const { status, currentPhase, verdict } = await evaluated(campaign.id);
    expect([status, currentPhase]).toEqual(['running', 1]);
    expect(verdict).toMatchObject({ kind: 'hold', code: 'guards_no_data' });
    // It comes late, and shows that all is well.
    world.nowMs -= WINDOW_MS + SETTLING_MS;
    await tell(canaries, {});
    world.nowMs += WINDOW_MS + SETTLING_MS + 60_000;
    expect(await evaluated(campaign.id)).toMatchObject({
      currentPhase: 2,
      verdict: { kind: 'advance' },
    });
  });

  it('holds without any telemetry at all', async () => {
    const { campaign } = await confirmedCanary(guards);
    afterWindows();
    expect((await evaluated(campaign.id)).verdict).toMatchObject({ code: 'guards_no_data' });
  });

  it('is not asked for by default', async () => {
    const { campaign } = await confirmedCanary(undefined);
    expect(await evaluated(campaign.id)).toMatchObject({ currentPhase: 2, guards: null });
  });
});

describe('devices that crash on the new version', () => {
  /** Spread over some seconds. */
  const crashes = (ids: readonly string[], version: string) =>
    insertLines(
      warehouse,
      ids.map((id, i) => ({
        device: { id, version },
        lines: [{ atMs: world.nowMs + 1000 + (i * 8000) / ids.length, kind: 'crash' as const }],
      })),
    );

  it('pause the campaign when those that wait crash less', async () => {
    const { campaign, canaries } = await confirmedCanary(undefined);
    const waiting = deviceNames(FLEET).filter((id) => !canaries.has(id));
    await crashes(waiting.slice(0, 2), '1.0.0');
    await crashes([...canaries].slice(0, 8), '1.1.0');
    world.nowMs += 20_000;
    const { status, verdict } = await evaluated(campaign.id);
    expect({ status, code: verdict?.code }).toEqual({
      status: 'paused',
      code: 'crash_rate_above_control',
    });
    expect(verdict?.words).toMatch(
      /^8 of 12 updated devices crashed, 66.7 %; of those that wait 2 of 68, 2.9 %, in the same time/,
    );
  });

  it('are no reason to pause when the whole fleet crashes', async () => {
    const { campaign, canaries } = await confirmedCanary(undefined);
    const waiting = deviceNames(FLEET).filter((id) => !canaries.has(id));
    await crashes(waiting.slice(0, 34), '1.0.0');
    await crashes([...canaries].slice(0, 6), '1.1.0');
    world.nowMs += 20_000;
    expect(await evaluated(campaign.id)).toMatchObject({ status: 'running', currentPhase: 2 });
  });

  it('of another campaign or before the update are not blamed on this one', async () => {
    const { campaign, canaries } = await confirmedCanary(undefined);
    await crashes([...canaries], '1.0.0');
    world.nowMs += 20_000;
    expect(await evaluated(campaign.id)).toMatchObject({ status: 'running', currentPhase: 2 });
  });
});
