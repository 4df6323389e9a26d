-- As 032, for log records.
ALTER TABLE otel_logs
    ADD COLUMN IF NOT EXISTS SettledAt DateTime64(9) ALIAS greatest(toDateTime64(IngestedAt, 9), Timestamp),
    ADD INDEX IF NOT EXISTS idx_settled_at greatest(toDateTime64(IngestedAt, 9), Timestamp) TYPE minmax GRANULARITY 1
