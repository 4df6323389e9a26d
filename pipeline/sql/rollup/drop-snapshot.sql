-- Drops the snapshot of until_s, seconds since the epoch, whole.
ALTER TABLE flotilla_device_snapshots DROP PARTITION {until_s:UInt32}
