-- Writes down what is known of each device heard of in the last seven days, one row per signal.
--
-- Windows end at the device's last word, not at now: a device that fell silent keeps what it last
-- said, and only its age grows. So silence never heals. Points dated more than five minutes ahead are
-- not believed: a clock that runs ahead must not pass for a heartbeat.
-- Parameters: computed_at_ms (now, milliseconds since the epoch), heartbeat_ms (a device's metric interval).
INSERT INTO flotilla_health_observations (ComputedAt, DeviceId, Model, FirmwareVersion, Signal, Value, AgeSeconds)
WITH
    fromUnixTimestamp64Milli({computed_at_ms:Int64}, 'UTC') AS now_at,
    -- Seven days, and the longest window before a device's last word.
    now_at - INTERVAL 8 DAY AS since,
    (SELECT groupArray(Signal) FROM flotilla_health_signals WHERE IsOptional = 0) AS required,
    heard AS
    (
        SELECT
            *,
            greatest(0., ({computed_at_ms:Int64} - toUnixTimestamp64Milli(LastAt)) / 1000) AS SilentSeconds,
            -- The hour up to the last word, in whole minutes, and the hours before it that logs reach back.
            toUnixTimestamp(toStartOfMinute(LastAt)) - 3600 AS HourBefore,
            arraySum((n, minute) -> if(minute > HourBefore, n, 0), Errors, Minutes) AS RecentErrors,
            least(23, greatest(1, dateDiff('second', FirstLogAt, LastAt) / 3600 - 1)) AS EarlierHours,
            (arraySum(Errors) - RecentErrors) / EarlierHours AS UsualErrors
        FROM flotilla_device_states(before_ms = {computed_at_ms:Int64} + 300000)
        WHERE LastAt >= now_at - INTERVAL 7 DAY
    ),
    failed AS
    (
        SELECT
            DeviceId,
            groupArrayIf(OccurredAt, Outcome IN ('failed', 'rolled_back')) AS FailedAt,
            groupArray(OccurredAt) AS EndedAt
        -- A week before the last word of a device that has been silent for a week.
        FROM flotilla_update_outcomes(since_ms = {computed_at_ms:Int64} - 1209600000)
        WHERE OccurredAt <= now_at + INTERVAL 5 MINUTE
        GROUP BY DeviceId
    ),
    forecast AS
    (
        -- In a tuple, since argMax passes over NULL: the newest says that there is no date any more.
        SELECT DeviceId, argMax(tuple(t.FullAt), t.ComputedAt) AS Newest, Newest.1 AS FullAt
        FROM flotilla_disk_forecasts AS t
        WHERE t.ComputedAt >= now_at - INTERVAL 1 DAY AND t.ComputedAt <= now_at + INTERVAL 5 MINUTE
        GROUP BY DeviceId
    ),
    told AS
    (
        SELECT
            h.DeviceId AS DeviceId,
            h.Identity AS Identity,
            h.SilentSeconds AS Silent,
            arrayMap(
                r -> (r.1, toNullable(r.2), greatest(0., ({computed_at_ms:Int64} - toUnixTimestamp64Milli(r.3)) / 1000)),
                arrayFilter(
                    r -> r.3 >= since,
                    [
                        -- 85 °C: the junction limit of commercial-grade parts; a device does not tell its own yet.
                        ('temp_headroom_c', 85 - h.Temperature.2, h.Temperature.1),
                        ('mem_used_pct', 100 * h.Memory.2, h.Memory.1),
                        ('disk_used_pct', 100 * h.Disk.2, h.Disk.1),
                        ('cpu_p95_pct', 100 * arrayReduce('quantileExact(0.95)', h.CpuReadings.2),
                            fromUnixTimestamp64Nano(arrayMax(h.CpuReadings.1), 'UTC')),
                        ('battery_soh_pct', 100 * h.Battery.2, h.Battery.1),
                        ('flash_life_used_pct', 100 * h.FlashLife.2, h.FlashLife.1),
                        ('rssi_dbm', h.Rssi.2, h.Rssi.1),
                        ('packet_loss_pct', 100 * h.PacketLoss.2, h.PacketLoss.1)
                    ])) AS Measured,
            arraySort(arrayFilter(boot -> boot * 120 > toUnixTimestamp(h.LastAt) - 86400, h.Boots)) AS DayBoots,
            arrayCount((boot, step) -> step != 1, DayBoots, arrayDifference(DayBoots)) AS Starts,
            -- The switch to a new image, and the way back from it, are boots that were asked for.
            arrayCount(at -> at > h.LastAt - INTERVAL 1 DAY, f.EndedAt) AS Switches,
            if(empty(h.Boots), [], [('unexpected_reboots_24h',
                toNullable(toFloat64(greatest(0, toInt64(Starts) - toInt64(Switches)))), Silent)]) AS Restarted,
            arrayConcat(
                [
                    ('heartbeat_gap_ratio', toNullable(Silent * 1000 / {heartbeat_ms:Float64}), Silent),
                    ('crashes_24h', toNullable(toFloat64(arraySum(h.Crashes))), Silent),
                    ('update_failures_7d', toNullable(toFloat64(
                        arrayCount(at -> at > h.LastAt - INTERVAL 7 DAY, f.FailedAt))), Silent),
                    -- Errors are counts: their spread is the root of their mean.
                    ('error_log_z', toNullable((h.RecentErrors - h.UsualErrors) / sqrt(greatest(1, h.UsualErrors))), Silent)
                ],
                Measured,
                Restarted,
                if(isNull(d.FullAt), [], [('disk_full_eta_days', toNullable(greatest(0.,
                    (toUnixTimestamp(assumeNotNull(d.FullAt)) - {computed_at_ms:Int64} / 1000) / 86400)), Silent)])) AS Known
        FROM heard AS h
        LEFT JOIN failed AS f ON h.DeviceId = f.DeviceId
        LEFT JOIN forecast AS d ON h.DeviceId = d.DeviceId
    )
SELECT now_at, DeviceId, Identity.2, Identity.3, entry.1, entry.2, entry.3
FROM told
ARRAY JOIN arrayConcat(
    Known,
    arrayMap(name -> (name, CAST(NULL, 'Nullable(Float64)'), 0.),
        arrayFilter(name -> NOT has(Known.1, name), required))) AS entry
