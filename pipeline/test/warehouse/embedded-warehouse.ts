import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ClickHouseClient } from '@clickhouse/client';
import { migrate } from '../../src/warehouse/migrations.ts';
import { openWarehouse, type Warehouse } from '../../src/warehouse/warehouse.ts';

/** A migrated warehouse in a folder of its own; one per test file, as the engine has one folder per process. */
export async function embeddedWarehouse(): Promise<{
  readonly warehouse: Warehouse;
  readonly folder: string;
  remove(): Promise<void>;
}> {
  const folder = mkdtempSync(join(tmpdir(), 'flotilla-pipeline-'));
  const warehouse = openWarehouse(`chdb:${folder}`, process.pid);
  await migrate(warehouse.ingest);
  return {
    warehouse,
    folder,
    async remove() {
      await warehouse.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

export async function rowsOf<T>(client: ClickHouseClient, query: string): Promise<T[]> {
  const result = await client.query({ query, format: 'JSONEachRow' });
  return result.json<T>();
}
