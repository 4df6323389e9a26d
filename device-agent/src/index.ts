export { configSchema, type AgentConfig } from './config.ts';
