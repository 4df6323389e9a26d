export { closeServer } from './close-server.ts';
export * from './config.ts';
export * from './folder-lock.ts';
export * from './http-server.ts';
export * from './logger.ts';
export * from './problem-error.ts';
export * from './run-service.ts';
export * from './sync-folder.ts';
