export { startPipeline, CONSUMER_GROUP } from './pipeline.ts';
export { configSchema, type Config } from './config.ts';
