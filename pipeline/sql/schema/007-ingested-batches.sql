-- One row per log record whose rows are stored: the ledger by which an agent's retry is recognised.
--
-- ORDER BY the way it is asked: has this device sent this batch before? The offset comes last, so that
--   a replay that writes a row again adds nothing (Replacing); readers take the lowest offset.
-- PARTITION BY week of arrival, TTL 14 days: an agent does not keep a batch longer, and old weeks drop whole.
CREATE TABLE IF NOT EXISTS flotilla_ingested_batches
(
    Topic LowCardinality(String),
    Partition UInt32,
    Offset UInt64 CODEC(Delta, ZSTD(1)),
    DeviceId String CODEC(ZSTD(1)),
    BatchId String CODEC(ZSTD(1)),
    RowCount UInt32 CODEC(ZSTD(1)),
    ReceivedAt DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    IngestedAt DateTime DEFAULT now() CODEC(Delta, ZSTD(1))
)
ENGINE = ReplacingMergeTree
PARTITION BY toMonday(IngestedAt)
ORDER BY (Topic, Partition, DeviceId, BatchId, Offset)
TTL IngestedAt + INTERVAL 14 DAY
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 1000
