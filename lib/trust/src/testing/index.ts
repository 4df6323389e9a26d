export * from './attacks.ts';
export * from './test-repository.ts';
