-- What is next to copy of a rollup: arrivals from FromSeconds up to UntilSeconds, the end of the newest
-- five minutes that are closed, and step_s seconds at a time at most. A row carries the time its insert began;
-- two minutes later none is under way any more, since the client gives up after one.
WITH
    (SELECT max(Until) FROM flotilla_rollup_marks WHERE Rollup = {rollup:String}) AS mark,
    if(toUnixTimestamp(mark) = 0, (SELECT min(IngestedAt) FROM {table:Identifier}), mark) AS start
SELECT
    toUnixTimestamp(start) AS FromSeconds,
    least(
        toUnixTimestamp(toStartOfInterval(now() - INTERVAL 2 MINUTE, INTERVAL 5 MINUTE)),
        toUnixTimestamp(start + toIntervalSecond({step_s:UInt32}))) AS UntilSeconds
