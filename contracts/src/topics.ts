/** Log topics; the values are OTLP protobuf requests, as the OTel Collector's Kafka exporter writes them. */
export const TOPIC_METRICS = 'otlp_metrics';
export const TOPIC_LOGS = 'otlp_logs';
export const TOPIC_SPANS = 'otlp_spans';
/** Records the pipeline could not decode, with code, reason and the original bytes. */
export const TOPIC_DEAD_LETTERS = 'otlp_dead_letters';

export const TELEMETRY_TOPICS = [TOPIC_METRICS, TOPIC_LOGS, TOPIC_SPANS] as const;
export type TelemetryTopic = (typeof TELEMETRY_TOPICS)[number];

/** Headers of a log record. */
export const HEADER_DEVICE_ID = 'flotilla-device-id';
export const HEADER_BATCH_ID = 'flotilla-batch-id';
export const HEADER_RECEIVED_AT = 'flotilla-received-at';
/** By how much the collector moved times of a wrong clock, in milliseconds; absent when it moved none. */
export const HEADER_CLOCK_OFFSET_MS = 'flotilla-clock-offset-ms';

/** HTTP request header that carries the agent's batch id; the same on every retry. */
export const HTTP_BATCH_ID = 'x-flotilla-batch-id';
