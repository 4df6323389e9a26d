import { loadConfig, runService } from '@flotilla/service';
import { configSchema } from './config.ts';
import { startGateway } from './start-gateway.ts';

await runService('edge-gateway', (logger) =>
  startGateway(loadConfig(configSchema, process.env), logger),
);
