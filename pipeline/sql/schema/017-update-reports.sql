-- Reports of updates, copied out of otel_logs once their time of arrival is closed.
--
-- Campaign queries read this instead of all log lines, and see campaigns whose lines are gone.
-- Filled by an explicit INSERT … SELECT (rollup/update-reports.sql), not by a materialized view: after a
-- crash such a view may have missed a block for good, while the copy of a closed range can be repeated.
--
-- ORDER BY campaign first: one campaign's reports lie together. A copy made twice is one row (Replacing);
--   the readers' view reduces what is not merged yet.
-- PARTITION BY month of the report, TTL 2 years: some hundred bytes per device and campaign, and a fleet
--   is asked how its updates went long after its logs are gone.
-- Codecs: Delta for times, ZSTD else.
CREATE TABLE IF NOT EXISTS flotilla_update_reports
(
    CampaignId String CODEC(ZSTD(1)),
    DeviceId String CODEC(ZSTD(1)),
    ReportId String CODEC(ZSTD(1)),
    FromOta UInt8,
    Phase UInt32 CODEC(ZSTD(1)),
    Round UInt32 CODEC(ZSTD(1)),
    State LowCardinality(String),
    Outcome LowCardinality(String),
    Reason String CODEC(ZSTD(1)),
    FromVersion LowCardinality(String),
    ToVersion LowCardinality(String),
    TransferBytes UInt64 CODEC(ZSTD(1)),
    UsedDelta UInt8,
    OccurredAt DateTime64(9) CODEC(Delta(8), ZSTD(1)),
    IngestedAt DateTime CODEC(Delta, ZSTD(1))
)
ENGINE = ReplacingMergeTree
PARTITION BY toStartOfMonth(OccurredAt)
ORDER BY (CampaignId, DeviceId, ReportId, FromOta)
TTL IngestedAt + INTERVAL 2 YEAR
SETTINGS ttl_only_drop_parts = 1
