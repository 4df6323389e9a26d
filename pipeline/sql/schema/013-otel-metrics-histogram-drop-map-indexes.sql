-- Bloom filters over the maps' keys and values go, for the reason given in 011.
ALTER TABLE otel_metrics_histogram
    DROP INDEX IF EXISTS idx_res_attr_key,
    DROP INDEX IF EXISTS idx_res_attr_value,
    DROP INDEX IF EXISTS idx_scope_attr_key,
    DROP INDEX IF EXISTS idx_scope_attr_value,
    DROP INDEX IF EXISTS idx_attr_key,
    DROP INDEX IF EXISTS idx_attr_value
