/** Request paths of OTLP/HTTP. */
export const OTLP_PATHS = ['/v1/metrics', '/v1/logs', '/v1/traces'] as const;
export type OtlpPath = (typeof OTLP_PATHS)[number];

export const OTLP_SIGNALS = ['metrics', 'logs', 'traces'] as const;
export type OtlpSignal = (typeof OTLP_SIGNALS)[number];

export const SIGNAL_OF_PATH: Readonly<Record<OtlpPath, OtlpSignal>> = {
  '/v1/metrics': 'metrics',
  '/v1/logs': 'logs',
  '/v1/traces': 'traces',
};

/**
 * Why telemetry was given up: the queue was full, it was too old, the collector refused it for good,
 * or the disk did not take it.
 */
export const DROP_REASONS = ['bytes', 'age', 'refused', 'unwritable'] as const;
export type DropReason = (typeof DROP_REASONS)[number];

/** Items per reason. */
export type DropCounts = Record<DropReason, number>;
/** Data points, log records and spans per reason. */
export type LostCounts = Record<DropReason, Record<OtlpSignal, number>>;

export function noDrops(): DropCounts {
  return { bytes: 0, age: 0, refused: 0, unwritable: 0 };
}

export function noLosses(): LostCounts {
  const none = () => ({ metrics: 0, logs: 0, traces: 0 });
  return { bytes: none(), age: none(), refused: none(), unwritable: none() };
}
