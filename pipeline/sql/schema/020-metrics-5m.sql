-- Gauges in buckets of five minutes, per device and series: for questions over days and for the time
-- after the points themselves are gone.
--
-- A bucket is built from its points by an explicit INSERT … SELECT (rollup/metrics-5m.sql), whole each
-- time that points for it arrived, late ones included; the newest building of a bucket counts (Replacing
-- by BuiltUntil). So a repeat changes nothing.
--
-- ORDER BY metric, device, time, as the points are; the series last, as most metrics have one.
-- PARTITION BY month, TTL 400 days: few bytes beside the points, and a year can be compared with the last.
-- Codecs: Delta for times, Gorilla where a value resembles the one before it, ZSTD else.
CREATE TABLE IF NOT EXISTS flotilla_metrics_5m
(
    MetricName LowCardinality(String),
    DeviceId String CODEC(ZSTD(1)),
    BucketAt DateTime CODEC(Delta, ZSTD(1)),
    SeriesId UInt64 CODEC(ZSTD(1)),
    ServiceName LowCardinality(String),
    Attributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    PointCount UInt64 CODEC(ZSTD(1)),
    Sum Float64 CODEC(Gorilla, ZSTD(1)),
    Min Float64 CODEC(Gorilla, ZSTD(1)),
    Max Float64 CODEC(Gorilla, ZSTD(1)),
    Last Float64 CODEC(Gorilla, ZSTD(1)),
    LastAt DateTime64(9) CODEC(Delta, ZSTD(1)),
    BuiltUntil DateTime CODEC(Delta, ZSTD(1))
)
ENGINE = ReplacingMergeTree(BuiltUntil)
PARTITION BY toStartOfMonth(BucketAt)
ORDER BY (MetricName, DeviceId, BucketAt, SeriesId)
TTL BucketAt + INTERVAL 400 DAY
SETTINGS ttl_only_drop_parts = 1
