-- What is next to copy of a rollup: arrivals from FromSeconds up to UntilSeconds, the end of the newest
-- five minutes that are closed. A line carries the time its insert began; two minutes later none is under
-- way any more, since the client gives up after one.
SELECT
    toUnixTimestamp((SELECT max(Until) FROM flotilla_rollup_marks WHERE Rollup = {rollup:String})) AS FromSeconds,
    toUnixTimestamp(toStartOfInterval(now() - INTERVAL 2 MINUTE, INTERVAL 5 MINUTE)) AS UntilSeconds
