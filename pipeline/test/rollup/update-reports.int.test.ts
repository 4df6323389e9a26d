import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { rollUp, UPDATE_REPORTS } from '../../src/rollup/roll-up.ts';
import { embeddedWarehouse, rowsOf } from '../warehouse/embedded-warehouse.ts';

let stage: Awaited<ReturnType<typeof embeddedWarehouse>>;
beforeAll(async () => {
  stage = await embeddedWarehouse();
});
afterAll(() => stage.remove());
beforeEach(async () => {
  for (const table of ['otel_logs', 'flotilla_update_reports', 'flotilla_rollup_marks']) {
    await stage.warehouse.compute.command({ query: `TRUNCATE TABLE ${table}` });
  }
});

interface Report {
  readonly id: string;
  readonly device?: string;
  readonly campaign?: string;
  readonly state?: string;
  readonly service?: string;
  readonly agoSeconds: number;
}

async function arrive(reports: readonly Report[]): Promise<void> {
  const nowSeconds = Math.floor(Date.now() / 1000);
  await stage.warehouse.ingest.insert({
    table: 'otel_logs',
    format: 'JSONEachRow',
    values: reports.map((report) => ({
      Timestamp: '2026-01-01 00:00:00',
      ServiceName: report.service ?? 'flotilla-device',
      EventName: 'flotilla.update',
      ResourceAttributes: { 'device.id': report.device ?? 'd1' },
      LogAttributes: {
        'flotilla.report.id': report.id,
        'flotilla.campaign.id': report.campaign ?? 'c1',
        'flotilla.update.state': report.state ?? 'installing',
        'flotilla.campaign.phase': '2',
        'flotilla.update.used_delta': 'true',
      },
      IngestedAt: nowSeconds - report.agoSeconds,
    })),
  });
}

const events = () =>
  rowsOf<{ ReportId: string; State: string; FromOta: number; Phase: number; UsedDelta: number }>(
    stage.warehouse.compute,
    "SELECT ReportId, State, FromOta, Phase, UsedDelta FROM flotilla_update_events WHERE CampaignId = 'c1' ORDER BY ReportId",
  );
const copied = async () =>
  (
    await rowsOf<{ ReportId: string }>(
      stage.warehouse.compute,
      'SELECT DISTINCT ReportId FROM flotilla_update_reports ORDER BY ReportId',
    )
  ).map(({ ReportId: id }) => id);

describe('the rollup of update reports', () => {
  it('copies what is closed, leaves what is not, and shows all at any time', async () => {
    await arrive([
      { id: 'old', agoSeconds: 3600 },
      { id: 'new', agoSeconds: 0 },
      { id: 'foreign', campaign: 'c2', agoSeconds: 3600 },
    ]);
    const before = await events();
    expect(before.map(({ ReportId: id }) => id)).toEqual(['new', 'old']);
    expect(before[0]).toMatchObject({ Phase: 2, UsedDelta: 1, FromOta: 0 });
    expect(await rollUp(stage.warehouse.compute, UPDATE_REPORTS)).not.toBeNull();
    expect(await copied()).toEqual(['foreign', 'old']);
    expect(await events()).toEqual(before);
    expect(await rollUp(stage.warehouse.compute, UPDATE_REPORTS)).toBeNull();
  });

  it('outlives the log lines', async () => {
    await arrive([{ id: 'old', agoSeconds: 3600 }]);
    await rollUp(stage.warehouse.compute, UPDATE_REPORTS);
    await stage.warehouse.compute.command({ query: 'TRUNCATE TABLE otel_logs' });
    expect(await events()).toHaveLength(1);
  });

  it('lets the checked copy win, whichever side of the mark it lies on', async () => {
    await arrive([
      { id: 'r', state: 'said by the device', agoSeconds: 0 },
      { id: 'r', state: 'checked', service: 'ota-service', agoSeconds: 3600 },
      { id: 's', state: 'said by the device', agoSeconds: 3600 },
      { id: 's', state: 'checked', service: 'ota-service', agoSeconds: 0 },
    ]);
    await rollUp(stage.warehouse.compute, UPDATE_REPORTS);
    expect(await events()).toMatchObject([
      { ReportId: 'r', State: 'checked', FromOta: 1 },
      { ReportId: 's', State: 'checked', FromOta: 1 },
    ]);
  });

  it('repeats a copy whose mark was lost without a second row', async () => {
    await arrive([{ id: 'old', agoSeconds: 3600 }]);
    await rollUp(stage.warehouse.compute, UPDATE_REPORTS);
    await stage.warehouse.compute.command({ query: 'TRUNCATE TABLE flotilla_rollup_marks' });
    expect(await events()).toHaveLength(1);
    await rollUp(stage.warehouse.compute, UPDATE_REPORTS);
    expect(await events()).toHaveLength(1);
  });
});
