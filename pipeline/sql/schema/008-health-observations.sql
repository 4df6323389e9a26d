-- What a health computation saw: one row per device and signal its model declares. Value is NULL when
-- the device never told; AgeSeconds is how old the value was.
--
-- ORDER BY the computation: it is read back whole, once, right after it was written.
-- PARTITION BY hour, TTL 2 hours: kept only to explain the newest scores.
CREATE TABLE IF NOT EXISTS flotilla_health_observations
(
    ComputedAt DateTime64(3, 'UTC'),
    DeviceId String CODEC(ZSTD(1)),
    Signal LowCardinality(String),
    Value Nullable(Float64) CODEC(ZSTD(1)),
    AgeSeconds Float64 CODEC(ZSTD(1))
)
ENGINE = MergeTree
PARTITION BY toStartOfHour(ComputedAt)
ORDER BY (ComputedAt, DeviceId, Signal)
TTL toDateTime(ComputedAt) + INTERVAL 2 HOUR
SETTINGS ttl_only_drop_parts = 1
