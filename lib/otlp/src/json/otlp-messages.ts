/** How a field is written on the wire; `hex` are the trace and span ids, hex and not base64 in OTLP/JSON. */
export type ScalarKind =
  | 'string'
  | 'bytes'
  | 'hex'
  | 'bool'
  | 'double'
  | 'uint32'
  | 'int32'
  | 'sint32'
  | 'enum'
  | 'fixed32'
  | 'int64'
  | 'uint64'
  | 'fixed64'
  | 'sfixed64';

export interface FieldShape {
  readonly number: number;
  readonly kind: ScalarKind | (() => MessageShape);
  readonly repeated: boolean;
}
/** lowerCamelCase name → field. */
export type MessageShape = ReadonlyMap<string, FieldShape>;

type Declared = readonly [number, FieldShape['kind'], 'repeated'?];

function message(fields: Readonly<Record<string, Declared>>): MessageShape {
  return new Map(
    Object.entries(fields).map(([name, [number, kind, repeated]]) => [
      name,
      { number, kind, repeated: repeated === 'repeated' },
    ]),
  );
}

// Names and numbers of opentelemetry-proto 1.x: common/v1, resource/v1, metrics/v1, logs/v1, trace/v1.

const anyValue: MessageShape = message({
  stringValue: [1, 'string'],
  boolValue: [2, 'bool'],
  intValue: [3, 'int64'],
  doubleValue: [4, 'double'],
  arrayValue: [5, () => arrayValue],
  kvlistValue: [6, () => keyValueList],
  bytesValue: [7, 'bytes'],
});
const arrayValue = message({ values: [1, () => anyValue, 'repeated'] });
const keyValue = message({ key: [1, 'string'], value: [2, () => anyValue] });
const keyValueList = message({ values: [1, () => keyValue, 'repeated'] });
const scope = message({
  name: [1, 'string'],
  version: [2, 'string'],
  attributes: [3, () => keyValue, 'repeated'],
  droppedAttributesCount: [4, 'uint32'],
});
const entityRef = message({
  schemaUrl: [1, 'string'],
  type: [2, 'string'],
  idKeys: [3, 'string', 'repeated'],
  descriptionKeys: [4, 'string', 'repeated'],
});
const resource = message({
  attributes: [1, () => keyValue, 'repeated'],
  droppedAttributesCount: [2, 'uint32'],
  entityRefs: [3, () => entityRef, 'repeated'],
});

const exemplar = message({
  timeUnixNano: [2, 'fixed64'],
  asDouble: [3, 'double'],
  spanId: [4, 'hex'],
  traceId: [5, 'hex'],
  asInt: [6, 'sfixed64'],
  filteredAttributes: [7, () => keyValue, 'repeated'],
});
const numberPoint = message({
  startTimeUnixNano: [2, 'fixed64'],
  timeUnixNano: [3, 'fixed64'],
  asDouble: [4, 'double'],
  exemplars: [5, () => exemplar, 'repeated'],
  asInt: [6, 'sfixed64'],
  attributes: [7, () => keyValue, 'repeated'],
  flags: [8, 'uint32'],
});
const histogramPoint = message({
  startTimeUnixNano: [2, 'fixed64'],
  timeUnixNano: [3, 'fixed64'],
  count: [4, 'fixed64'],
  sum: [5, 'double'],
  bucketCounts: [6, 'fixed64', 'repeated'],
  explicitBounds: [7, 'double', 'repeated'],
  exemplars: [8, () => exemplar, 'repeated'],
  attributes: [9, () => keyValue, 'repeated'],
  flags: [10, 'uint32'],
  min: [11, 'double'],
  max: [12, 'double'],
});
const buckets = message({ offset: [1, 'sint32'], bucketCounts: [2, 'uint64', 'repeated'] });
const exponentialPoint = message({
  attributes: [1, () => keyValue, 'repeated'],
  startTimeUnixNano: [2, 'fixed64'],
  timeUnixNano: [3, 'fixed64'],
  count: [4, 'fixed64'],
  sum: [5, 'double'],
  scale: [6, 'sint32'],
  zeroCount: [7, 'fixed64'],
  positive: [8, () => buckets],
  negative: [9, () => buckets],
  flags: [10, 'uint32'],
  exemplars: [11, () => exemplar, 'repeated'],
  min: [12, 'double'],
  max: [13, 'double'],
  zeroThreshold: [14, 'double'],
});
const quantile = message({ quantile: [1, 'double'], value: [2, 'double'] });
const summaryPoint = message({
  startTimeUnixNano: [2, 'fixed64'],
  timeUnixNano: [3, 'fixed64'],
  count: [4, 'fixed64'],
  sum: [5, 'double'],
  quantileValues: [6, () => quantile, 'repeated'],
  attributes: [7, () => keyValue, 'repeated'],
  flags: [8, 'uint32'],
});
const points = (point: MessageShape) =>
  message({
    dataPoints: [1, () => point, 'repeated'],
    aggregationTemporality: [2, 'enum'],
    isMonotonic: [3, 'bool'],
  });
const metricData = {
  gauge: points(numberPoint),
  sum: points(numberPoint),
  histogram: points(histogramPoint),
  exponentialHistogram: points(exponentialPoint),
  summary: points(summaryPoint),
};
const metric = message({
  name: [1, 'string'],
  description: [2, 'string'],
  unit: [3, 'string'],
  gauge: [5, () => metricData.gauge],
  sum: [7, () => metricData.sum],
  histogram: [9, () => metricData.histogram],
  exponentialHistogram: [10, () => metricData.exponentialHistogram],
  summary: [11, () => metricData.summary],
  metadata: [12, () => keyValue, 'repeated'],
});
const logRecord = message({
  timeUnixNano: [1, 'fixed64'],
  severityNumber: [2, 'enum'],
  severityText: [3, 'string'],
  body: [5, () => anyValue],
  attributes: [6, () => keyValue, 'repeated'],
  droppedAttributesCount: [7, 'uint32'],
  flags: [8, 'fixed32'],
  traceId: [9, 'hex'],
  spanId: [10, 'hex'],
  observedTimeUnixNano: [11, 'fixed64'],
  eventName: [12, 'string'],
});
const spanEvent = message({
  timeUnixNano: [1, 'fixed64'],
  name: [2, 'string'],
  attributes: [3, () => keyValue, 'repeated'],
  droppedAttributesCount: [4, 'uint32'],
});
const spanLink = message({
  traceId: [1, 'hex'],
  spanId: [2, 'hex'],
  traceState: [3, 'string'],
  attributes: [4, () => keyValue, 'repeated'],
  droppedAttributesCount: [5, 'uint32'],
  flags: [6, 'fixed32'],
});
const spanStatus = message({ message: [2, 'string'], code: [3, 'enum'] });
const span = message({
  traceId: [1, 'hex'],
  spanId: [2, 'hex'],
  traceState: [3, 'string'],
  parentSpanId: [4, 'hex'],
  name: [5, 'string'],
  kind: [6, 'enum'],
  startTimeUnixNano: [7, 'fixed64'],
  endTimeUnixNano: [8, 'fixed64'],
  attributes: [9, () => keyValue, 'repeated'],
  droppedAttributesCount: [10, 'uint32'],
  events: [11, () => spanEvent, 'repeated'],
  droppedEventsCount: [12, 'uint32'],
  links: [13, () => spanLink, 'repeated'],
  droppedLinksCount: [14, 'uint32'],
  status: [15, () => spanStatus],
  flags: [16, 'fixed32'],
});

/** Export…ServiceRequest → Resource… → Scope… → items; alike but for three names. */
function exportRequest(resources: string, scopes: string, items: string, item: MessageShape) {
  const scoped = message({
    scope: [1, () => scope],
    [items]: [2, () => item, 'repeated'],
    schemaUrl: [3, 'string'],
  });
  const entry = message({
    resource: [1, () => resource],
    [scopes]: [2, () => scoped, 'repeated'],
    schemaUrl: [3, 'string'],
  });
  return message({ [resources]: [1, () => entry, 'repeated'] });
}

export const EXPORT_REQUESTS = {
  metrics: exportRequest('resourceMetrics', 'scopeMetrics', 'metrics', metric),
  logs: exportRequest('resourceLogs', 'scopeLogs', 'logRecords', logRecord),
  traces: exportRequest('resourceSpans', 'scopeSpans', 'spans', span),
} as const;
