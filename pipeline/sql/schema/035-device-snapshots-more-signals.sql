-- What else is known of a device: who it is (the newest model and firmware version told), its boots (see
-- health/device-states.sql), and readings of hardware that not every device has.
ALTER TABLE flotilla_device_snapshots
    ADD COLUMN IF NOT EXISTS Identity Tuple(DateTime64(9), String, String) CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS Boots Array(UInt32) CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS Battery Tuple(DateTime64(9), Float64) CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS FlashLife Tuple(DateTime64(9), Float64) CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS Rssi Tuple(DateTime64(9), Float64) CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS PacketLoss Tuple(DateTime64(9), Float64) CODEC(ZSTD(1))
