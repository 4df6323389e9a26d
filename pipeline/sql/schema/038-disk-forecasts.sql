-- When the fullest file system of a device will be full if it goes on as in the last two weeks, one row per
-- device and computation. A row says what it rests on: the slope with its interval, and how many readings.
--
-- ORDER BY device then time: a device's page shows its newest; health reads the newest of each.
-- PARTITION BY day, TTL 30 days: a forecast is soon replaced by the next.
CREATE TABLE IF NOT EXISTS flotilla_disk_forecasts
(
    DeviceId String CODEC(ZSTD(1)),
    ComputedAt DateTime CODEC(Delta, ZSTD(1)),
    Readings UInt32 CODEC(ZSTD(1)),
    Fill Float64 CODEC(ZSTD(1)),
    SlopePerDay Float64 CODEC(ZSTD(1)),
    SlopeLow Float64 CODEC(ZSTD(1)),
    SlopeHigh Float64 CODEC(ZSTD(1)),
    FullAt Nullable(DateTime) CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree
PARTITION BY toDate(ComputedAt)
ORDER BY (DeviceId, ComputedAt)
TTL ComputedAt + INTERVAL 30 DAY
SETTINGS ttl_only_drop_parts = 1
