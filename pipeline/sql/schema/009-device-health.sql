-- Health of devices over time, one row per device and computation.
--
-- ORDER BY device then time: a device's page draws its history, the fleet reads each device's newest.
-- PARTITION BY day, TTL 30 days: as long as the telemetry it was computed from.
-- Codecs: Delta for the steady clock, ZSTD for scores that mostly stay what they were.
CREATE TABLE IF NOT EXISTS flotilla_device_health
(
    DeviceId String CODEC(ZSTD(1)),
    ComputedAt DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    Score Float64 CODEC(ZSTD(1)),
    Confidence Float64 CODEC(ZSTD(1)),
    Status LowCardinality(String),
    Contributions Map(LowCardinality(String), Float64) CODEC(ZSTD(1))
)
ENGINE = MergeTree
PARTITION BY toDate(ComputedAt)
ORDER BY (DeviceId, ComputedAt)
TTL toDateTime(ComputedAt) + INTERVAL 30 DAY
SETTINGS ttl_only_drop_parts = 1
