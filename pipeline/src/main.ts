import { loadConfig, runService } from '@flotilla/service';
import { configSchema } from './config.ts';
import { startPipeline } from './pipeline.ts';

await runService('pipeline', (logger) =>
  startPipeline(loadConfig(configSchema, process.env), logger, (err) => {
    logger.fatal({ err }, 'the pipeline cannot go on');
    process.exit(1);
  }),
);
