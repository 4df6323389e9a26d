export * from './device-token.ts';
export * from './keys.ts';
