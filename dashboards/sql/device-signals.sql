SELECT
    Signal,
    round(Reading, 3) AS Reading,
    round(Severity, 2) AS Severity,
    round(AgeSeconds) AS `Age, s`
FROM flotilla_device_signals_latest
WHERE DeviceId = '${device}'
ORDER BY Severity DESC, Signal
