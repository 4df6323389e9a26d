-- The points that arrived since a rollup's mark are few, and lie in the newest parts.
ALTER TABLE otel_metrics_gauge
    ADD INDEX IF NOT EXISTS idx_ingested_at IngestedAt TYPE minmax GRANULARITY 1
