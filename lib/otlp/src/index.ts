export * from './wire/decode-error.ts';
export * from './wire/wire-reader.ts';
export * from './wire/wire-writer.ts';
