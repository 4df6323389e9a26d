-- All that a health computation needs to know of each device, as of Until: what settled before it is in
-- here, what settled later is read from the telemetry itself. Each snapshot is made of the one before and
-- of what settled in between (rollup/device-snapshots.sql), whole, so that a repeat gives the same rows.
--
-- Readings are (time, value), of several at one time the largest; time 0 stands for none. CpuReadings are
-- (nanoseconds, value). Minutes lists those before the last word in which errors or crashes were logged,
-- in seconds since the epoch, and beside it how many.
--
-- ORDER BY device: a snapshot is read whole. A row written twice is one (Replacing); readers take one per
--   device, without FINAL, which loses rows under a filter on the partition key.
-- PARTITION BY snapshot: a superseded one drops whole. No TTL: the newest must outlast any pause.
-- Codecs: ZSTD for what differs from device to device.
CREATE TABLE IF NOT EXISTS flotilla_device_snapshots
(
    Until DateTime,
    DeviceId String CODEC(ZSTD(1)),
    LastAt DateTime64(9) CODEC(ZSTD(1)),
    FirstLogAt DateTime64(9) CODEC(ZSTD(1)),
    Memory Tuple(DateTime64(9), Float64) CODEC(ZSTD(1)),
    Disk Tuple(DateTime64(9), Float64) CODEC(ZSTD(1)),
    Temperature Tuple(DateTime64(9), Float64) CODEC(ZSTD(1)),
    CpuReadings Array(Tuple(Int64, Float64)) CODEC(ZSTD(1)),
    Minutes Array(UInt32) CODEC(ZSTD(1)),
    Errors Array(UInt32) CODEC(ZSTD(1)),
    Crashes Array(UInt32) CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree
PARTITION BY Until
ORDER BY DeviceId
