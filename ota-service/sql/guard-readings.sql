-- Of these devices, before and after their moments; see the view for the parameters.
SELECT *
FROM flotilla_guard_readings(
    devices = {devices:Array(String)}, at_ms = {at_ms:Array(Int64)},
    window_ms = {window_ms:Int64}, skip_ms = {skip_ms:Int64})
