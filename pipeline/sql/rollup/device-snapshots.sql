-- Writes the snapshot of devices as of until_s, seconds since the epoch. Repeating it changes nothing.
-- Devices silent for thirty days are left out, as their telemetry is gone.
INSERT INTO flotilla_device_snapshots
    (Until, DeviceId, LastAt, Identity, FirstLogAt, Memory, Disk, Temperature, Battery, FlashLife, Rssi, PacketLoss,
     CpuReadings, Minutes, Errors, Crashes, Boots)
SELECT
    fromUnixTimestamp({until_s:UInt32}) AS Until,
    DeviceId, LastAt, Identity, FirstLogAt, Memory, Disk, Temperature, Battery, FlashLife, Rssi, PacketLoss,
    CpuReadings, Minutes, Errors, Crashes, Boots
FROM flotilla_device_states(before_ms = {until_s:UInt32} * 1000)
WHERE LastAt >= Until - INTERVAL 30 DAY
