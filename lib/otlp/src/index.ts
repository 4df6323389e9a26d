export * from './model/decode-metrics.ts';
export * from './model/encode-metrics.ts';
export * from './model/metrics-model.ts';
export * from './wire/decode-error.ts';
export * from './wire/wire-reader.ts';
export * from './wire/wire-writer.ts';
export * from './json/otlp-json.ts';
