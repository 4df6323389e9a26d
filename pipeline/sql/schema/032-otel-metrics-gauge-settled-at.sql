-- A point is settled once both its arrival and its own time are past: then it belongs to a snapshot of
-- devices (034). SettledAt names that time; the index finds the few points that are not in one yet.
ALTER TABLE otel_metrics_gauge
    ADD COLUMN IF NOT EXISTS SettledAt DateTime64(9) ALIAS greatest(toDateTime64(IngestedAt, 9), TimeUnix),
    ADD INDEX IF NOT EXISTS idx_settled_at greatest(toDateTime64(IngestedAt, 9), TimeUnix) TYPE minmax GRANULARITY 1
