import { loadConfig, runService } from '@flotilla/service';
import { configSchema } from './config.ts';
import { startCollector } from './start-collector.ts';

await runService('collector', (logger) =>
  startCollector(loadConfig(configSchema, process.env), logger),
);
