import { readdirSync, readFileSync } from 'node:fs';
import type { ClickHouseClient } from '@clickhouse/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CAMPAIGN, DEVICE, openFilledWarehouse } from './filled-warehouse.ts';

const folder = new URL('../sql/', import.meta.url);
const names = readdirSync(folder);

/** As Grafana's ClickHouse data source would send it, for the last hour. */
function asSent(name: string): string {
  return readFileSync(new URL(name, folder), 'utf8')
    .replaceAll(/\$__timeFilter\((\w+)\)/g, '$1 >= now() - INTERVAL 1 HOUR')
    .replaceAll(/\$__timeInterval\((\w+)\)/g, 'toStartOfInterval($1, INTERVAL 10 SECOND)')
    .replaceAll('${campaign}', CAMPAIGN)
    .replaceAll('${device}', DEVICE)
    .replaceAll('${severity}', '9');
}

describe('queries of the dashboards', () => {
  let warehouse: ClickHouseClient;
  beforeAll(async () => {
    warehouse = await openFilledWarehouse(Date.now());
  });
  afterAll(async () => {
    await warehouse.close();
  });

  it.each(names)('%s returns rows', async (name) => {
    const query = asSent(name);
    expect(query).not.toMatch(/\$[_{]/);
    const result = await warehouse.query({ query, format: 'JSONEachRow' });
    const rows = await result.json<Record<string, unknown>>();
    expect(rows.length).toBeGreaterThan(0);
    for (const value of Object.values(rows[0] ?? {})) expect(value).not.toBe('');
  });

  it('tell the device’s own', async () => {
    const rows = async (name: string) =>
      (await warehouse.query({ query: asSent(name), format: 'JSONEachRow' })).json<
        Record<string, unknown>
      >();
    expect(await rows('device-score.sql')).toEqual([{ Health: 41 }]);
    expect(await rows('device-updates.sql')).toMatchObject([
      { Campaign: CAMPAIGN, State: 'rolled_back', From: '1.0.0', To: '1.1.0' },
    ]);
    expect(await rows('highest-disk.sql')).toMatchObject([{ 'Used %': 70 }, { 'Used %': 70 }]);
  });
});
