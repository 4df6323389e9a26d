SELECT
    DeviceId AS Device,
    round(Score, 1) AS Health,
    Status,
    arraySort((k, v) -> -v, mapKeys(Contributions), mapValues(Contributions))[1] AS `Costs most`,
    round(arrayMax(mapValues(Contributions)), 1) AS Points,
    ComputedAt AS Computed
FROM flotilla_device_health_latest
ORDER BY Score, DeviceId
LIMIT 50
