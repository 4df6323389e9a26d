export * from './device-token.ts';
export * from './dsse.ts';
export * from './keys.ts';
export * from './manifest.ts';
