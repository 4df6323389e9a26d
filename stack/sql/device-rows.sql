-- Rows that came from devices; ota-service's own events have another service name.
SELECT
    (SELECT count() FROM otel_metrics_gauge WHERE ServiceName = 'flotilla-device')
    + (SELECT count() FROM otel_metrics_sum WHERE ServiceName = 'flotilla-device')
    + (SELECT count() FROM otel_metrics_histogram WHERE ServiceName = 'flotilla-device')
    + (SELECT count() FROM otel_metrics_exponential_histogram WHERE ServiceName = 'flotilla-device')
    + (SELECT count() FROM otel_metrics_summary WHERE ServiceName = 'flotilla-device') AS metrics,
    (SELECT count() FROM otel_logs WHERE ServiceName = 'flotilla-device') AS logs
