-- Forecasts when file systems will be full, by the median of the slopes between all pairs of readings
-- (Theil-Sen), which a cleared log or a few wrong readings do not move. Readings are the largest fill of
-- six hours, over two weeks; at least two days of them. The slope's 95 % interval is Sen's: ranks of the
-- slopes around the median by the variance of Kendall's S. A date is given only where the whole interval
-- rises; it is never nearer than now. Parameter: computed_at_s, seconds since the epoch.
INSERT INTO flotilla_disk_forecasts
    (DeviceId, ComputedAt, Readings, Fill, SlopePerDay, SlopeLow, SlopeHigh, FullAt)
WITH
    fromUnixTimestamp({computed_at_s:UInt32}) AS now_at,
    quarters AS
    (
        SELECT
            DeviceId,
            toStartOfInterval(BucketAt, INTERVAL 6 HOUR) AS Quarter,
            max(m.Max) AS Reading
        FROM flotilla_metrics_5m AS m
        WHERE MetricName = 'system.filesystem.utilization' AND ServiceName = 'flotilla-device'
            AND Attributes['system.filesystem.state'] IN ('', 'used')
            AND BucketAt >= now_at - INTERVAL 14 DAY AND BucketAt <= now_at
        GROUP BY DeviceId, Quarter
    ),
    told AS
    (
        SELECT
            DeviceId,
            arraySort(groupArray((toUnixTimestamp(Quarter) / 86400., Reading))) AS Points,
            length(Points) AS N,
            arraySort(arrayFlatten(arrayMap(
                (p, i) -> arrayMap(r -> (r.2 - p.2) / (r.1 - p.1), arraySlice(Points, i + 1)),
                Points, arrayEnumerate(Points)))) AS Slopes
        FROM quarters
        GROUP BY DeviceId
        HAVING N >= 8
    )
SELECT
    DeviceId,
    now_at,
    N,
    arrayReduce('quantileExact(0.5)', arrayMap(p -> p.2 - Slope * (p.1 - Points[N].1), Points)) AS FillNow,
    Slopes[intDiv(length(Slopes), 2) + 1] AS Slope,
    Slopes[greatest(1, toInt64((length(Slopes) - Spread) / 2))],
    Slopes[least(toInt64(length(Slopes)), toInt64((length(Slopes) + Spread) / 2) + 1)],
    if(Slopes[greatest(1, toInt64((length(Slopes) - Spread) / 2))] > 0 AND FillNow < 1,
        toNullable(fromUnixTimestamp(toUInt32(least(4000000000,
            Points[N].1 * 86400 + greatest(0, (1 - FillNow) / Slope) * 86400)))), NULL)
FROM
(
    SELECT *, 1.96 * sqrt(N * (N - 1) * (2 * N + 5) / 18) AS Spread
    FROM told
)
