export * from './certificate-identity.ts';
export * from './device-connections.ts';
export * from './device-token.ts';
export * from './fingerprint-table.ts';
export * from './keys.ts';
export * from './verified-tokens.ts';
