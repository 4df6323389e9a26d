"""Asks the warehouse endpoint with clickhouse-connect, which reads the Native format.

Reads a JSON object from standard input: host, port, compression (none | gzip | lz4 | zstd), device.
Prints a JSON object with what it got; an error is told by its class and message.
"""

import json
import sys

import clickhouse_connect
from clickhouse_connect.driver.exceptions import DatabaseError

plan = json.load(sys.stdin)
compress = False if plan["compression"] == "none" else plan["compression"]
client = clickhouse_connect.get_client(host=plan["host"], port=plan["port"], compress=compress)


def refusal(work):
    try:
        work()
    except DatabaseError as error:
        return str(error)
    return "taken"


gauges = client.query(
    "SELECT MetricName, Attributes, Value, TimeUnix FROM otel_metrics_gauge"
    " WHERE DeviceId = {device:String} AND MetricName = {name:String}",
    parameters={"device": plan["device"], "name": "gauge"},
)
[(name, attributes, value, at)] = gauges.result_rows
buckets = client.query(
    "SELECT BucketCounts, ExplicitBounds FROM otel_metrics_histogram WHERE DeviceId = {d:String}",
    parameters={"d": plan["device"]},
).result_rows
with client.query_row_block_stream("SELECT number, toString(number) FROM numbers(200000)") as blocks:
    streamed = sum(number for block in blocks for number, _ in block)

json.dump(
    {
        "version": client.server_version,
        "gauge": {"name": name, "attributes": attributes, "value": value, "year": at.year},
        "buckets": [[list(counts), list(bounds)] for counts, bounds in buckets],
        "streamed": streamed,
        "tables": [table for (table,) in client.query("SHOW TABLES").result_rows],
        "unknown": refusal(lambda: client.query("SELECT nothing FROM otel_logs")),
        "drop": refusal(lambda: client.command("DROP TABLE otel_logs")),
        "insert": refusal(lambda: client.insert("otel_logs", [["x"]], column_names=["Body"])),
        "rows": client.command("SELECT count() FROM otel_logs"),
    },
    sys.stdout,
)
