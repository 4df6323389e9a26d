import type { ClickHouseClient } from '@clickhouse/client';
import { createClient } from '@clickhouse/client';
import { EmbeddedEngine } from './embedded-engine.ts';

/** Where rows go. */
export interface Warehouse {
  /** For inserts and what belongs to them. */
  readonly ingest: ClickHouseClient;
  /** For computations beside the inserts, which must not wait for them. */
  readonly compute: ClickHouseClient;
  /** The embedded engine, or null when a server answers queries itself. */
  readonly embedded: EmbeddedEngine | null;
  close(): Promise<void>;
}

export class WarehouseUrlError extends Error {
  override readonly name = 'WarehouseUrlError';
}

/** Opens `chdb:/absolute/folder` or `http(s)://user:password@host:8123/database`. */
export function openWarehouse(url: string, pid: number): Warehouse {
  if (url.startsWith('chdb:')) return openEmbedded(url.slice('chdb:'.length), pid);
  if (/^https?:\/\//.test(url)) return openServer(url);
  throw new WarehouseUrlError(
    'the warehouse must be chdb:/absolute/folder or http://user:password@host:8123/database',
  );
}

function openEmbedded(folder: string, pid: number): Warehouse {
  if (!folder.startsWith('/')) {
    throw new WarehouseUrlError(`chdb: needs an absolute folder, got ${JSON.stringify(folder)}`);
  }
  const embedded = EmbeddedEngine.open(folder, pid);
  const ingest = embedded.client();
  const compute = embedded.client();
  return {
    ingest,
    compute,
    embedded,
    async close() {
      await ingest.close();
      await compute.close();
      await embedded.close();
    },
  };
}

function openServer(url: string): Warehouse {
  const ingest = createClient({ url, request_timeout: 60_000 });
  const compute = createClient({ url, request_timeout: 60_000 });
  return {
    ingest,
    compute,
    embedded: null,
    async close() {
      await ingest.close();
      await compute.close();
    },
  };
}
