-- Stored rows of devices' telemetry per batch of the agent. The rows are counted where they lie; only
-- the batch's name comes from the pipeline's ledger. ota-service's own events have another service name.
WITH
    stored AS
    (
        SELECT IngestSource, IngestOffset FROM otel_logs WHERE ServiceName = 'flotilla-device'
        UNION ALL
        SELECT IngestSource, IngestOffset FROM otel_metrics_gauge WHERE ServiceName = 'flotilla-device'
        UNION ALL
        SELECT IngestSource, IngestOffset FROM otel_metrics_sum WHERE ServiceName = 'flotilla-device'
        UNION ALL
        SELECT IngestSource, IngestOffset FROM otel_metrics_histogram WHERE ServiceName = 'flotilla-device'
        UNION ALL
        SELECT IngestSource, IngestOffset FROM otel_metrics_exponential_histogram WHERE ServiceName = 'flotilla-device'
        UNION ALL
        SELECT IngestSource, IngestOffset FROM otel_metrics_summary WHERE ServiceName = 'flotilla-device'
    ),
    batches AS
    (
        SELECT DISTINCT concat(Topic, '/', toString(Partition)) AS Source, Offset, BatchId
        FROM flotilla_ingested_batches
    )
SELECT batches.BatchId AS batchId, count() AS rows
FROM stored
LEFT JOIN batches ON stored.IngestSource = batches.Source AND stored.IngestOffset = batches.Offset
GROUP BY batchId
