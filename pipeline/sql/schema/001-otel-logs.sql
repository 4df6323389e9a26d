-- Log records.
--
-- Columns as the OTel Collector's ClickHouse exporter lays them out, so that its readers work here.
-- Ours come last: who sent it (materialized), and where it came from (IngestSource, IngestOffset),
-- by which a replay sees what is already stored.
--
-- PRIMARY KEY and ORDER BY as the exporter's: logs are read newest first over all devices of a service.
-- PARTITION BY day of the record, as the exporter does: time ranges prune, old days drop whole.
-- TTL by arrival, not by the record's time: a device without a clock keeps its logs as long.
-- Codecs: Delta then ZSTD for what rises steadily, plain ZSTD else.
-- idx_event_name: events (update states, crashes) are few among many lines.
-- Deduplication window: the last thousand inserts; a replay repeats only the newest.
CREATE TABLE IF NOT EXISTS otel_logs
(
    Timestamp DateTime64(9) CODEC(Delta(8), ZSTD(1)),
    TimestampTime DateTime DEFAULT toDateTime(Timestamp),
    TraceId String CODEC(ZSTD(1)),
    SpanId String CODEC(ZSTD(1)),
    TraceFlags UInt8,
    SeverityText LowCardinality(String) CODEC(ZSTD(1)),
    SeverityNumber UInt8,
    ServiceName LowCardinality(String) CODEC(ZSTD(1)),
    Body String CODEC(ZSTD(1)),
    ResourceSchemaUrl LowCardinality(String) CODEC(ZSTD(1)),
    ResourceAttributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    ScopeSchemaUrl LowCardinality(String) CODEC(ZSTD(1)),
    ScopeName String CODEC(ZSTD(1)),
    ScopeVersion LowCardinality(String) CODEC(ZSTD(1)),
    ScopeAttributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    LogAttributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    EventName String CODEC(ZSTD(1)),
    DeviceId String MATERIALIZED ResourceAttributes['device.id'] CODEC(ZSTD(1)),
    DeviceModel LowCardinality(String) MATERIALIZED ResourceAttributes['device.model.identifier'],
    FirmwareVersion LowCardinality(String) MATERIALIZED ResourceAttributes['service.version'],
    IngestSource LowCardinality(String) DEFAULT '',
    IngestOffset UInt64 DEFAULT 0 CODEC(Delta, ZSTD(1)),
    IngestedAt DateTime DEFAULT now() CODEC(Delta, ZSTD(1)),

    INDEX idx_event_name EventName TYPE set(100) GRANULARITY 1,
    INDEX idx_device_id DeviceId TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX idx_ingest_offset IngestOffset TYPE minmax GRANULARITY 1,
    INDEX idx_trace_id TraceId TYPE bloom_filter(0.001) GRANULARITY 1,
    INDEX idx_res_attr_key mapKeys(ResourceAttributes) TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX idx_res_attr_value mapValues(ResourceAttributes) TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX idx_scope_attr_key mapKeys(ScopeAttributes) TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX idx_scope_attr_value mapValues(ScopeAttributes) TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX idx_log_attr_key mapKeys(LogAttributes) TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX idx_log_attr_value mapValues(LogAttributes) TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX idx_body Body TYPE tokenbf_v1(32768, 3, 0) GRANULARITY 8
)
ENGINE = MergeTree
PARTITION BY toDate(TimestampTime)
PRIMARY KEY (ServiceName, TimestampTime)
ORDER BY (ServiceName, TimestampTime, Timestamp)
TTL IngestedAt + INTERVAL 30 DAY
SETTINGS index_granularity = 8192, ttl_only_drop_parts = 1, non_replicated_deduplication_window = 1000
