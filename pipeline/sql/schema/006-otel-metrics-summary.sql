-- Points of summaries.
--
-- Columns as the OTel Collector's ClickHouse exporter lays them out, so that its readers work here.
-- Ours come last: who sent it (materialized), and where it came from (IngestSource, IngestOffset),
-- by which a replay sees what is already stored.
--
-- ORDER BY: questions are about one metric of one device over time; the device id after the metric
--   puts a device's points side by side, and equal neighbours compress best.
-- PARTITION BY day of the point, as the exporter does: time ranges prune, old days drop whole.
-- TTL by arrival, not by the point's time: a device without a clock keeps its telemetry as long.
-- Codecs: Delta then ZSTD for what rises steadily, plain ZSTD else.
-- Deduplication window: the last thousand inserts; a replay repeats only the newest.
CREATE TABLE IF NOT EXISTS otel_metrics_summary
(
    ResourceAttributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    ResourceSchemaUrl String CODEC(ZSTD(1)),
    ScopeName String CODEC(ZSTD(1)),
    ScopeVersion String CODEC(ZSTD(1)),
    ScopeAttributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    ScopeDroppedAttrCount UInt32 CODEC(ZSTD(1)),
    ScopeSchemaUrl String CODEC(ZSTD(1)),
    ServiceName LowCardinality(String) CODEC(ZSTD(1)),
    MetricName String CODEC(ZSTD(1)),
    MetricDescription String CODEC(ZSTD(1)),
    MetricUnit String CODEC(ZSTD(1)),
    Attributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    StartTimeUnix DateTime64(9) CODEC(Delta, ZSTD(1)),
    TimeUnix DateTime64(9) CODEC(Delta, ZSTD(1)),
    Count UInt64 CODEC(Delta, ZSTD(1)),
    Sum Float64 CODEC(ZSTD(1)),
    ValueAtQuantiles Nested
    (
        Quantile Float64,
        Value Float64
    ) CODEC(ZSTD(1)),
    Flags UInt32 CODEC(ZSTD(1)),
    DeviceId String MATERIALIZED ResourceAttributes['device.id'] CODEC(ZSTD(1)),
    DeviceModel LowCardinality(String) MATERIALIZED ResourceAttributes['device.model.identifier'],
    FirmwareVersion LowCardinality(String) MATERIALIZED ResourceAttributes['service.version'],
    IngestSource LowCardinality(String) DEFAULT '',
    IngestOffset UInt64 DEFAULT 0 CODEC(Delta, ZSTD(1)),
    IngestedAt DateTime DEFAULT now() CODEC(Delta, ZSTD(1)),

    INDEX idx_ingest_offset IngestOffset TYPE minmax GRANULARITY 1,
    INDEX idx_res_attr_key mapKeys(ResourceAttributes) TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX idx_res_attr_value mapValues(ResourceAttributes) TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX idx_scope_attr_key mapKeys(ScopeAttributes) TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX idx_scope_attr_value mapValues(ScopeAttributes) TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX idx_attr_key mapKeys(Attributes) TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX idx_attr_value mapValues(Attributes) TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = MergeTree
PARTITION BY toDate(TimeUnix)
ORDER BY (ServiceName, MetricName, DeviceId, TimeUnix)
TTL IngestedAt + INTERVAL 30 DAY
SETTINGS index_granularity = 8192, ttl_only_drop_parts = 1, non_replicated_deduplication_window = 1000
