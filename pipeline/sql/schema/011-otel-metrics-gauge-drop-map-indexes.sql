-- Bloom filters over the maps' keys and values go.
--
-- They cost more than all else the engine does beside sorting and compressing: 1.1 of 2.9 CPU-seconds
-- per million points inserted. What they gave: nothing. Points of one metric lie together, device by
-- device, so each block of 8,192 holds one set of keys and the values of few devices, and the sorting
-- key has already found them. The exporter's readers need no index to work.
ALTER TABLE otel_metrics_gauge
    DROP INDEX IF EXISTS idx_res_attr_key,
    DROP INDEX IF EXISTS idx_res_attr_value,
    DROP INDEX IF EXISTS idx_scope_attr_key,
    DROP INDEX IF EXISTS idx_scope_attr_value,
    DROP INDEX IF EXISTS idx_attr_key,
    DROP INDEX IF EXISTS idx_attr_value
