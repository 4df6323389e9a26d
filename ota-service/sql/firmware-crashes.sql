-- First crashes of a campaign's model; see the view for the parameters.
SELECT DeviceId, UpdatedCrashAtMs, OtherCrashAtMs
FROM flotilla_firmware_crashes(
    model = {model:String}, version = {version:String}, from_ms = {from_ms:Int64}, to_ms = {to_ms:Int64})
