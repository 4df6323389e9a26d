-- What an insert writes stays one file of data, for the reason given in 025.
ALTER TABLE otel_metrics_sum MODIFY SETTING min_bytes_for_wide_part = 67108864
