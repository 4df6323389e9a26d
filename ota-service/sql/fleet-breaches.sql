-- Devices beyond the good range of a signal, the worst of each signal first, and beside each how many
-- devices there are in all. What a device told more than an hour ago is its silence's matter, not this one's.
SELECT Signal, DeviceId, assumeNotNull(s.Reading) AS Reading, count() OVER (PARTITION BY Signal) AS InBreach
FROM flotilla_device_signals_latest AS s
WHERE Severity > 0 AND isNotNull(s.Reading) AND (Signal = 'heartbeat_gap_ratio' OR AgeSeconds < 3600)
ORDER BY Signal, Severity DESC, AgeSeconds DESC, DeviceId
LIMIT {limit:UInt32} BY Signal
