-- Spans.
--
-- Columns as the OTel Collector's ClickHouse exporter lays them out, so that its readers work here.
-- Ours come last: who sent it (materialized), and where it came from (IngestSource, IngestOffset),
-- by which a replay sees what is already stored.
--
-- ORDER BY as the exporter's: spans are read by service and name over a time range.
-- PARTITION BY day of the span, as the exporter does: time ranges prune, old days drop whole.
-- TTL by arrival, not by the span's time: a device without a clock keeps its telemetry as long.
-- Codecs: Delta then ZSTD for what rises steadily, plain ZSTD else.
-- idx_trace_id: a trace is looked up by its id alone.
-- Deduplication window: the last thousand inserts; a replay repeats only the newest.
CREATE TABLE IF NOT EXISTS otel_traces
(
    Timestamp DateTime64(9) CODEC(Delta, ZSTD(1)),
    TraceId String CODEC(ZSTD(1)),
    SpanId String CODEC(ZSTD(1)),
    ParentSpanId String CODEC(ZSTD(1)),
    TraceState String CODEC(ZSTD(1)),
    SpanName LowCardinality(String) CODEC(ZSTD(1)),
    SpanKind LowCardinality(String) CODEC(ZSTD(1)),
    ServiceName LowCardinality(String) CODEC(ZSTD(1)),
    ResourceAttributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    ScopeName String CODEC(ZSTD(1)),
    ScopeVersion String CODEC(ZSTD(1)),
    SpanAttributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    Duration UInt64 CODEC(ZSTD(1)),
    StatusCode LowCardinality(String) CODEC(ZSTD(1)),
    StatusMessage String CODEC(ZSTD(1)),
    Events Nested
    (
        Timestamp DateTime64(9),
        Name LowCardinality(String),
        Attributes Map(LowCardinality(String), String)
    ) CODEC(ZSTD(1)),
    Links Nested
    (
        TraceId String,
        SpanId String,
        TraceState String,
        Attributes Map(LowCardinality(String), String)
    ) CODEC(ZSTD(1)),
    DeviceId String MATERIALIZED ResourceAttributes['device.id'] CODEC(ZSTD(1)),
    DeviceModel LowCardinality(String) MATERIALIZED ResourceAttributes['device.model.identifier'],
    FirmwareVersion LowCardinality(String) MATERIALIZED ResourceAttributes['service.version'],
    IngestSource LowCardinality(String) DEFAULT '',
    IngestOffset UInt64 DEFAULT 0 CODEC(Delta, ZSTD(1)),
    IngestedAt DateTime DEFAULT now() CODEC(Delta, ZSTD(1)),

    INDEX idx_trace_id TraceId TYPE bloom_filter(0.001) GRANULARITY 1,
    INDEX idx_ingest_offset IngestOffset TYPE minmax GRANULARITY 1
)
ENGINE = MergeTree
PARTITION BY toDate(Timestamp)
ORDER BY (ServiceName, SpanName, toDateTime(Timestamp))
TTL IngestedAt + INTERVAL 30 DAY
SETTINGS index_granularity = 8192, ttl_only_drop_parts = 1, non_replicated_deduplication_window = 1000
