import { loadConfig, runService } from '@flotilla/service';
import { configSchema } from './config.ts';
import { startWarehouseServer } from './server.ts';

// The embedded engine runs each statement on a thread of libuv's pool, whose size is read before any
// code runs: start this process with UV_THREADPOOL_SIZE=16.
await runService('warehouse', (logger) =>
  startWarehouseServer(loadConfig(configSchema, process.env), logger),
);
