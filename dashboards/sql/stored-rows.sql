SELECT
    $__timeInterval(IngestedAt) AS time,
    splitByChar('_', Topic)[2] AS kind,
    sum(RowCount) AS rows
FROM flotilla_ingested_batches
WHERE $__timeFilter(IngestedAt)
GROUP BY time, kind
ORDER BY time, kind
