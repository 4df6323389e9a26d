"""Sends one of everything with the OpenTelemetry Python SDK and tells what it sent.

Reads a JSON object from standard input: transport (http | grpc), compression (none | gzip),
endpoint, token, device, signals (list of metrics, logs, traces), timeout (seconds).
Prints a JSON object: for each signal whether the exporter succeeded, and the data as the SDK handed
it to the exporter (integers as text, since nanoseconds do not fit a JSON number's 53 bits).
"""

import importlib
import json
import sys

from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.metrics import Observation
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import LogRecordExportResult, SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricExportResult, PeriodicExportingMetricReader
from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation, View
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExportResult
from opentelemetry.trace import SpanKind, Status, StatusCode

PACKAGE = "opentelemetry.exporter.otlp.proto"
PATHS = {"metrics": "/v1/metrics", "logs": "/v1/logs", "traces": "/v1/traces"}
MODULES = {"metrics": "metric_exporter", "logs": "_log_exporter", "traces": "trace_exporter"}
CLASSES = {"metrics": "OTLPMetricExporter", "logs": "OTLPLogExporter", "traces": "OTLPSpanExporter"}

plan = json.load(sys.stdin)
told = {}


def exporter_of(signal):
    module = importlib.import_module(f"{PACKAGE}.{plan['transport']}.{MODULES[signal]}")
    options = {
        "headers": {"authorization": f"Bearer {plan['token']}"},
        "timeout": plan["timeout"],
    }
    if plan["transport"] == "http":
        compression = importlib.import_module(f"{PACKAGE}.http").Compression
        kinds = {"none": compression.NoCompression, "gzip": compression.Gzip}
        options["endpoint"] = plan["endpoint"] + PATHS[signal]
    else:
        compression = importlib.import_module("grpc").Compression
        kinds = {"none": compression.NoCompression, "gzip": compression.Gzip}
        options |= {"endpoint": plan["endpoint"], "insecure": True}
    return getattr(module, CLASSES[signal])(compression=kinds[plan["compression"]], **options)


def plain(text):
    return json.loads(text, parse_int=str)


def watched(signal, success, show):
    """The exporter itself, with what goes in and comes out of `export` written down."""
    exporter = exporter_of(signal)
    export = exporter.export

    def watching(data, *args, **kwargs):
        result = export(data, *args, **kwargs)
        told.setdefault(signal, {"success": True, "data": []})
        told[signal]["success"] &= result is success
        told[signal]["data"].append(show(data))
        return result

    exporter.export = watching
    return exporter


resource = Resource(
    {
        "service.name": "python-otel",
        "service.version": "1.2.3",
        "device.id": plan["device"],
        "device.model.identifier": "sensor-1",
        "numbers": [1, 2],
        "ratio": 0.5,
        "on": True,
    }
)


def send_metrics():
    exporter = watched("metrics", MetricExportResult.SUCCESS, lambda data: plain(data.to_json()))
    reader = PeriodicExportingMetricReader(exporter, export_interval_millis=float("inf"))
    exponential = View(
        instrument_name="exponential", aggregation=ExponentialBucketHistogramAggregation(max_size=20)
    )
    provider = MeterProvider([reader], resource=resource, views=[exponential])
    meter = provider.get_meter("interop", "4.5.6", "https://example.org/schema", {"scoped": "yes"})
    counter = meter.create_counter("counter", "1", "only ever up")
    counter.add(3, {"k": "a"})
    counter.add(2**60, {"k": "b", "text": 'quotes " \\ and \n lines, \u00e9 \U0001f600'})
    up_down = meter.create_up_down_counter("up_down", "By", "up and down")
    up_down.add(5)
    up_down.add(-7.25)
    meter.create_gauge("gauge", "Cel", "the last value").set(-273.15, {"list": ["x", "y"]})
    meter.create_observable_gauge("observed", [lambda _: [Observation(7, {"n": 1}), Observation(9)]])
    histogram = meter.create_histogram("explicit", "ms", explicit_bucket_boundaries_advisory=[1, 10, 100])
    exponential = meter.create_histogram("exponential", "s", "no bounds of its own")
    for value in (0, 0.5, 1, 3.7, 99, 1e6):
        histogram.record(value, {"k": "h"})
        exponential.record(value)
    provider.force_flush()
    provider.shutdown()


def send_logs():
    exporter = watched(
        "logs", LogRecordExportResult.SUCCESS, lambda batch: [plain(one.to_json()) for one in batch]
    )
    provider = LoggerProvider(resource=resource)
    provider.add_log_record_processor(SimpleLogRecordProcessor(exporter))
    logger = provider.get_logger("interop", "4.5.6", attributes={"scoped": "yes"})
    bodies = ["plain", "", 'quotes " \\ \n \u00e9 \U0001f600', 42, 1.5, True, ["a", 1, None], {"deep": {"er": [1.5]}}]
    for index, body in enumerate(bodies):
        logger.emit(
            LogRecord(
                timestamp=1_700_000_000_123_456_000 + index,
                observed_timestamp=1_700_000_001_000_000_000,
                severity_number=SeverityNumber(5 + index),
                severity_text="INFO",
                body=body,
                attributes={"index": index, "list": [1, 2], "ok": False},
                event_name=f"event.{index}",
            )
        )
    provider.shutdown()


def send_traces():
    exporter = watched(
        "traces", SpanExportResult.SUCCESS, lambda batch: [plain(one.to_json()) for one in batch]
    )
    provider = TracerProvider(resource=resource)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("interop", "4.5.6")
    with tracer.start_as_current_span("parent", kind=SpanKind.SERVER, attributes={"a": 1}) as parent:
        parent.add_event("event", {"e": "v"})
        with tracer.start_as_current_span("child", kind=SpanKind.CLIENT) as child:
            child.set_status(Status(StatusCode.ERROR, "it failed"))
    provider.shutdown()


for signal in plan["signals"]:
    {"metrics": send_metrics, "logs": send_logs, "traces": send_traces}[signal]()
json.dump(told, sys.stdout)
