export * from './event-log.ts';
export * from './event-log-options.ts';
export * from './log-errors.ts';
export * from './open-event-log.ts';
