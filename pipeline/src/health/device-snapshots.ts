import type { ClickHouseClient } from '@clickhouse/client';
import { z } from 'zod';
import { DEVICE_SNAPSHOTS, rollUp } from '../rollup/roll-up.ts';
import { parameterSettings } from '../warehouse/query-settings.ts';
import { sqlFile } from '../warehouse/sql-file.ts';

const SUPERSEDED = sqlFile('rollup/superseded-snapshots.sql');
const DROP = sqlFile('rollup/drop-snapshot.sql');
const supersededSchema = z.array(z.object({ UntilSeconds: z.number() }));

/**
 * Takes the next snapshot of all devices if its time has come, and drops those before the one it was
 * made of: that one may still be read by a computation under way. Resolves to whether there was one to take.
 */
export async function takeSnapshot(client: ClickHouseClient): Promise<boolean> {
  const taken = await rollUp(client, DEVICE_SNAPSHOTS);
  if (taken === null) return false;
  const result = await client.query({
    query: SUPERSEDED,
    format: 'JSONEachRow',
    clickhouse_settings: parameterSettings({ from_s: taken.fromSeconds }),
  });
  for (const { UntilSeconds } of supersededSchema.parse(await result.json())) {
    await client.command({
      query: DROP,
      clickhouse_settings: parameterSettings({ until_s: UntilSeconds }),
    });
  }
  return true;
}
