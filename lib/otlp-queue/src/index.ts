export * from './disk-queue.ts';
export * from './domain/drain-window.ts';
export * from './domain/send-decision.ts';
export * from './drop-counts.ts';
export * from './protobuf-fields.ts';
export { QueueOpenError } from './queue-database.ts';
export * from './queue-sender.ts';
export * from './retry-after.ts';
