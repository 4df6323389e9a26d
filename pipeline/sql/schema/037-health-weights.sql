-- How much a signal may cost devices of one model, where that differs from the model of health/signals.sql:
-- 0 leaves the signal out. The newest row of a model and signal counts.
--
-- ORDER BY model and signal: a few rows, read whole. No TTL: settings last until they are changed.
CREATE TABLE IF NOT EXISTS flotilla_health_weights
(
    Model LowCardinality(String),
    Signal LowCardinality(String),
    Weight Float64,
    ChangedAt DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = ReplacingMergeTree(ChangedAt)
ORDER BY (Model, Signal)
