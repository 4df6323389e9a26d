import type { DataFolder } from '@flotilla/stack/src/data-folder.ts';
import type { Shutdown } from '@flotilla/stack/src/shutdown.ts';
import { freePorts } from '@flotilla/stack/src/supervisor/free-ports.ts';
import { startService, type ServiceProcess } from './node-service.ts';
import type { PathUnderTest } from './path-under-test.ts';

/** An hour: the health computation is no part of the question. */
const HEALTH_INTERVAL_MS = '3600000';
const WAREHOUSE_USER = 'flotilla';
const WAREHOUSE_PASSWORD = 'bench-password';

export interface OwnPathOptions {
  readonly folder: DataFolder;
  readonly eventLogUrl: string;
  readonly warehouseUrl: string;
  readonly batchRows: number;
  readonly batchAgeMs: number;
  readonly profileFolder?: string | undefined;
  readonly others?: PathUnderTest['others'];
}

/** Our collector and our pipeline, started by their mains. */
export async function openOwnPath(
  options: OwnPathOptions,
  shutdown: Shutdown,
): Promise<Omit<PathUnderTest, 'tokenFor'>> {
  const { folder, eventLogUrl, warehouseUrl, profileFolder } = options;
  const [endpointPort = 0] = await freePorts(1);
  const start = async (name: string, environment: Record<string, string>) => {
    const service = await startService({
      name,
      main: `${name}/src/main.ts`,
      environment: { FLOTILLA_EVENT_LOG: eventLogUrl, ...environment },
      folder: folder.logs,
      profileFolder,
    });
    shutdown.add(() => service.stop());
    return service;
  };
  const pipeline = await start('pipeline', {
    FLOTILLA_WAREHOUSE: warehouseUrl,
    FLOTILLA_WAREHOUSE_HTTP_PORT: String(endpointPort),
    FLOTILLA_BATCH_MAX_ROWS: String(options.batchRows),
    FLOTILLA_BATCH_MAX_AGE_MS: String(options.batchAgeMs),
    FLOTILLA_HEALTH_INTERVAL_MS: HEALTH_INTERVAL_MS,
    UV_THREADPOOL_SIZE: '12',
  });
  const collector = await start('collector', {
    FLOTILLA_COLLECTOR_PORT: '0',
    FLOTILLA_DEVICE_TOKEN_PUBLIC_KEY_FILE: folder.deviceTokenPublicKey,
    FLOTILLA_RATE_PER_DEVICE: '1000000',
    FLOTILLA_RATE_BURST_PER_DEVICE: '1000000',
  });
  return {
    name: 'flotilla',
    url: collector.addresses['otlp'] ?? '',
    warehouseUrl: warehouseUrl.startsWith('chdb:')
      ? `http://127.0.0.1:${endpointPort}`
      : warehouseUrl,
    collector,
    pipeline,
    others: options.others ?? [],
  };
}

/** The warehouse as a server of its own, which both sides write into. */
export async function openWarehouseServer(
  folder: DataFolder,
  shutdown: Shutdown,
): Promise<{ readonly service: ServiceProcess; readonly url: string }> {
  const [port = 0] = await freePorts(1);
  const service = await startService({
    name: 'warehouse',
    main: 'pipeline/src/warehouse-server/main.ts',
    environment: {
      FLOTILLA_WAREHOUSE_FOLDER: `${folder.root}/warehouse-server`,
      FLOTILLA_WAREHOUSE_SERVER_PORT: String(port),
      FLOTILLA_WAREHOUSE_WRITER_USER: WAREHOUSE_USER,
      FLOTILLA_WAREHOUSE_WRITER_PASSWORD: WAREHOUSE_PASSWORD,
      UV_THREADPOOL_SIZE: '16',
    },
    folder: folder.logs,
  });
  shutdown.add(() => service.stop());
  return {
    service,
    url: `http://${WAREHOUSE_USER}:${WAREHOUSE_PASSWORD}@127.0.0.1:${port}/default`,
  };
}
