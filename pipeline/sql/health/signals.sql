-- The health model: each signal's weight (the share of the score it can cost alone), the value up to
-- which it costs nothing, the value from which it costs all, and after how many seconds of age it
-- counts half for the confidence (NULL: it never ages, it is itself about age).
-- A missing signal lowers the confidence unless it is optional: not every device has such hardware, or
-- counts its boots.
CREATE OR REPLACE VIEW flotilla_health_signals AS
SELECT *
FROM values(
    'Signal String, Weight Float64, Good Float64, Bad Float64, HalfLifeSeconds Nullable(Float64), IsOptional UInt8',
    ('heartbeat_gap_ratio', 0.99, 2, 10, NULL, 0),
    ('crashes_24h', 0.80, 0, 5, 86400, 0),
    ('update_failures_7d', 0.50, 0, 2, 604800, 0),
    ('error_log_z', 0.50, 2, 8, 3600, 0),
    ('disk_used_pct', 0.80, 80, 98, 3600, 0),
    ('mem_used_pct', 0.80, 80, 97, 900, 0),
    ('cpu_p95_pct', 0.40, 80, 100, 900, 0),
    ('temp_headroom_c', 0.70, 15, 0, 900, 1),
    ('unexpected_reboots_24h', 0.80, 0, 5, 86400, 1),
    ('flash_life_used_pct', 0.70, 70, 100, 604800, 1),
    ('battery_soh_pct', 0.60, 80, 50, 604800, 1),
    ('rssi_dbm', 0.30, -75, -90, 900, 1),
    ('packet_loss_pct', 0.40, 1, 10, 900, 1),
    ('disk_full_eta_days', 0.50, 14, 2, 86400, 1))
