import { countPoints, encodeMetrics, type MetricData, type ResourceMetrics } from '@flotilla/otlp';

export interface PackedRequest {
  readonly body: Uint8Array;
  /** Data points inside. */
  readonly entries: number;
}

/**
 * Puts resources together into requests of at most `maxBytes`, and splits one that is larger by
 * itself; only a single point may exceed it.
 */
export function packRequests(
  resources: readonly ResourceMetrics[],
  maxBytes: number,
): PackedRequest[] {
  const packed: PackedRequest[] = [];
  let parts: Uint8Array[] = [];
  let sizeBytes = 0;
  let entries = 0;
  const close = () => {
    // Requests are concatenated by concatenating their bytes (protobuf.dev, "Last One Wins").
    if (parts.length > 0) packed.push({ body: Buffer.concat(parts), entries });
    parts = [];
    sizeBytes = 0;
    entries = 0;
  };
  for (const part of resources.flatMap((resource) => encodeParts(resource, maxBytes))) {
    if (sizeBytes + part.body.length > maxBytes) close();
    parts.push(part.body);
    sizeBytes += part.body.length;
    entries += part.entries;
  }
  close();
  return packed;
}

function encodeParts(resource: ResourceMetrics, maxBytes: number): PackedRequest[] {
  const request = { resources: [resource] };
  const body = encodeMetrics(request);
  const halves = body.length > maxBytes ? halve(resource) : null;
  if (halves !== null) return halves.flatMap((half) => encodeParts(half, maxBytes));
  return [{ body, entries: countPoints(request) }];
}

/** Half the scopes, or of the only scope half the metrics, or of the only metric half the points. */
function halve(resource: ResourceMetrics): ResourceMetrics[] | null {
  const { scopes } = resource;
  const [scope] = scopes;
  if (scope === undefined) return null;
  if (scopes.length > 1) return inTwo(scopes).map((half) => ({ ...resource, scopes: half }));
  const { metrics } = scope;
  const [metric] = metrics;
  if (metric === undefined) return null;
  const halves =
    metrics.length > 1
      ? inTwo(metrics)
      : halvePoints(metric.data).map((data) => [{ ...metric, data }]);
  if (halves.length < 2) return null;
  return halves.map((half) => ({ ...resource, scopes: [{ ...scope, metrics: half }] }));
}

function halvePoints(data: MetricData): MetricData[] {
  if (data.points.length < 2) return [];
  switch (data.kind) {
    case 'gauge':
    case 'sum':
      return inTwo(data.points).map((points) => ({ ...data, points }));
    case 'histogram':
      return inTwo(data.points).map((points) => ({ ...data, points }));
    default:
      return inTwo(data.points).map((points) => ({ ...data, points }));
  }
}

function inTwo<T>(items: readonly T[]): T[][] {
  const middle = Math.ceil(items.length / 2);
  return [items.slice(0, middle), items.slice(middle)];
}
