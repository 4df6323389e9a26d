/**
 * Counts the rows an OTLP request stands for: data points or log records. It walks the protobuf
 * wire format by field numbers only (opentelemetry/proto/{metrics,logs}/v1), and shares no code with
 * the collector or the pipeline, so that the ledger is a second opinion.
 */
export function countRows(signal: 'metrics' | 'logs', body: Uint8Array): number {
  return signal === 'logs' ? countPath(body, [[1], [2], [2]]) : countPath(body, METRIC_PATH);
}

/** resource_metrics → scope_metrics → metrics → gauge | sum | histogram | exponential | summary → points. */
const METRIC_PATH = [[1], [2], [2], [5, 7, 9, 10, 11], [1]] as const;

/** How many messages lie at the end of a path of length-delimited fields. */
function countPath(message: Uint8Array, path: readonly (readonly number[])[]): number {
  const [fields, ...rest] = path;
  if (fields === undefined) return 1;
  let count = 0;
  for (const { field, bytes } of lengthDelimited(message)) {
    if (fields.includes(field)) count += countPath(bytes, rest);
  }
  return count;
}

function* lengthDelimited(message: Uint8Array): Generator<{ field: number; bytes: Uint8Array }> {
  const position = { at: 0 };
  while (position.at < message.length) {
    const tag = varint(message, position);
    const wireType = tag & 7;
    if (wireType === 0) varint(message, position);
    else if (wireType === 1) position.at += 8;
    else if (wireType === 5) position.at += 4;
    else if (wireType === 2) {
      const length = varint(message, position);
      const end = position.at + length;
      yield { field: tag >>> 3, bytes: message.subarray(position.at, end) };
      position.at = end;
    } else throw new Error(`protobuf wire type ${wireType} at byte ${position.at}`);
  }
}

/** Low 53 bits are enough: only tags, lengths and skipped values are read. */
function varint(message: Uint8Array, position: { at: number }): number {
  let value = 0;
  for (let shift = 0; ; shift += 7) {
    const byte = message[position.at];
    if (byte === undefined) throw new Error('protobuf ends inside a varint');
    position.at += 1;
    value += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) return value;
  }
}
