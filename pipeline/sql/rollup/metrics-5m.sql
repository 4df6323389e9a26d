-- Builds anew the buckets of every device of which points arrived in [from_s, until_s), seconds since the
-- epoch, from all their points that arrived before until_s. Repeating it changes nothing.
INSERT INTO flotilla_metrics_5m
WITH
    touched AS
    (
        SELECT DISTINCT DeviceId, toStartOfFiveMinutes(TimeUnix) AS BucketAt
        FROM otel_metrics_gauge
        WHERE DeviceId != ''
            AND IngestedAt >= fromUnixTimestamp({from_s:UInt32}) AND IngestedAt < fromUnixTimestamp({until_s:UInt32})
    )
SELECT
    MetricName,
    DeviceId,
    toDateTime(toStartOfFiveMinutes(TimeUnix)) AS Bucket,
    cityHash64(ServiceName, toString(mapSort(Attributes))) AS Series,
    any(ServiceName),
    any(Attributes),
    count(),
    sum(Value),
    min(Value),
    max(Value),
    argMax(Value, TimeUnix),
    max(TimeUnix),
    fromUnixTimestamp({until_s:UInt32})
FROM otel_metrics_gauge
WHERE IngestedAt < fromUnixTimestamp({until_s:UInt32})
    AND TimeUnix >= (SELECT min(BucketAt) FROM touched)
    AND TimeUnix < (SELECT max(BucketAt) FROM touched) + INTERVAL 5 MINUTE
    AND (DeviceId, toStartOfFiveMinutes(TimeUnix)) IN (SELECT DeviceId, BucketAt FROM touched)
GROUP BY MetricName, DeviceId, Bucket, Series
SETTINGS max_partitions_per_insert_block = 0
