export * from './fake-collector.ts';
export * from './hold-write-lock.ts';
export * from './killed-child.ts';
