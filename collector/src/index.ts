export { configSchema, type Config } from './config.ts';
export { startCollector } from './start-collector.ts';
