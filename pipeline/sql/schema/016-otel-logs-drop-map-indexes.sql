-- Bloom filters over resource and scope attributes go: 0.3 of 1.6 CPU-seconds per million lines.
--
-- Logs lie in order of time, all devices mixed, so each block of 8,192 lines holds nearly every model,
-- version and group: nothing is ever skipped by them. The one resource value that does tell blocks
-- apart, the device id, has a column and an index of its own. Those over the line's own attributes, its
-- words and its trace stay: people search by them.
ALTER TABLE otel_logs
    DROP INDEX IF EXISTS idx_res_attr_key,
    DROP INDEX IF EXISTS idx_res_attr_value,
    DROP INDEX IF EXISTS idx_scope_attr_key,
    DROP INDEX IF EXISTS idx_scope_attr_value
