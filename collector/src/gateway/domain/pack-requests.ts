import { countPoints, encodeMetrics, type ResourceMetrics } from '@flotilla/otlp';

export interface PackedRequest {
  readonly body: Uint8Array;
  /** Data points inside. */
  readonly entries: number;
}

/** Puts resources together into requests of about `maxBytes`; one resource is never split. */
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
  for (const resource of resources) {
    const request = { resources: [resource] };
    const body = encodeMetrics(request);
    if (sizeBytes + body.length > maxBytes) close();
    parts.push(body);
    sizeBytes += body.length;
    entries += countPoints(request);
  }
  close();
  return packed;
}
