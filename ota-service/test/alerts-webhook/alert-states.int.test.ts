import { alertListQuerySchema, webhookAlertSchema } from '@flotilla/contracts';
import type { Kysely } from 'kysely';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { AlertStates } from '../../src/alerts-webhook/alert-states.ts';
import type { Database } from '../../src/db/database.ts';
import { openDatabase } from '../../src/db/open-database.ts';
import { describeEngines } from '../../src/testing/engines.ts';

const NOW_MS = Date.UTC(2026, 0, 1);
const MINUTE_MS = 60_000;

describeEngines('states of alerts', (engine) => {
  let database: Kysely<Database>;
  let states: AlertStates;
  beforeEach(async () => {
    database = await openDatabase(await engine.newUrl());
    states = new AlertStates(database);
  });
  afterEach(() => database.destroy());

  const alert = (
    fingerprint: string,
    status: 'firing' | 'resolved',
    minutesAgo: number,
    labels: Record<string, string> = {},
  ) =>
    webhookAlertSchema.parse({
      status,
      labels: { alertname: 'FlotillaDeviceDiskFull', severity: 'critical', ...labels },
      annotations: { summary: 'full' },
      startsAt: new Date(NOW_MS - minutesAgo * MINUTE_MS).toISOString(),
      fingerprint,
    });
  const list = async (query: object = {}) => {
    const views = await states.list(alertListQuerySchema.parse(query));
    return views.map(({ fingerprint, status }) => `${fingerprint} ${status}`);
  };

  it('are those of a device or a campaign, firing ones first, the newest first', async () => {
    await states.keep(
      [
        alert('aa', 'resolved', 1, { device: 'd1' }),
        alert('bb', 'firing', 9, { device: 'd1' }),
        alert('cc', 'firing', 2, { campaign: 'cmp_1' }),
        alert('dd', 'firing', 3, { flotilla_campaign_id: 'cmp_1', campaign: 'cmp_1' }),
      ],
      NOW_MS,
    );
    expect(await list()).toEqual(['cc firing', 'dd firing', 'bb firing', 'aa resolved']);
    expect(await list({ device: 'd1' })).toEqual(['bb firing', 'aa resolved']);
    expect(await list({ campaign: 'cmp_1', status: 'firing', limit: '1' })).toEqual(['cc firing']);
    const [view] = await states.list(alertListQuerySchema.parse({ device: 'd1' }));
    expect(view).toMatchObject({
      name: 'FlotillaDeviceDiskFull',
      severity: 'critical',
      summary: 'full',
      runbookUrl: null,
      deviceId: 'd1',
      campaignId: null,
    });
  });

  it('do not fire again by a late notification, but by a new alert', async () => {
    await states.keep([alert('aa', 'firing', 9)], NOW_MS);
    await states.keep([alert('aa', 'resolved', 9)], NOW_MS);
    await states.keep([alert('aa', 'firing', 9)], NOW_MS);
    expect(await list()).toEqual(['aa resolved']);
    await states.keep([alert('aa', 'firing', 4)], NOW_MS);
    await states.keep([alert('aa', 'resolved', 9)], NOW_MS);
    expect(await list()).toEqual(['aa firing']);
  });

  it('are forgotten a week after they were last told', async () => {
    await states.keep([alert('aa', 'firing', 9)], NOW_MS);
    await states.keep([], NOW_MS + 8 * 24 * 60 * MINUTE_MS);
    expect(await list()).toEqual([]);
  });
});
