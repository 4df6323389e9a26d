import { loadConfig, runService } from '@flotilla/service';
import { configSchema } from './config.ts';
import { startPipeline } from './pipeline.ts';

// The embedded engine runs each query on a thread of libuv's pool, whose size is read before any code
// runs: start this process with UV_THREADPOOL_SIZE=12, else four queries at a time stall file access.
await runService('pipeline', (logger) =>
  startPipeline(loadConfig(configSchema, process.env), logger, (err) => {
    logger.fatal({ err }, 'the pipeline cannot go on');
    process.exit(1);
  }),
);
