import type { WireReader } from '@flotilla/otlp';
import { AttributeMap } from './attribute-map.ts';
import { readSigned } from './number-point.ts';
import { RowWriter } from './row-writer.ts';
import { readTime } from './timestamp.ts';

/** FilteredAttributes, TimeUnix, Value, SpanId, TraceId. */
const COLUMNS = 5;
const FIRST_BYTES = 256;

interface Exemplar {
  readonly attributes: Uint8Array;
  readonly timeLow: number;
  readonly timeHigh: number;
  readonly value: number;
  readonly spanId: Uint8Array;
  readonly traceId: Uint8Array;
}

/** The columns of the `Exemplars` Nested: arrays of one length. */
export function writeExemplars(readers: readonly WireReader[] | null, into: RowWriter): void {
  if (readers === null) {
    into.fixed(COLUMNS);
    return;
  }
  const exemplars = readers.map(readExemplar);
  const array = (write: (exemplar: Exemplar) => void): void => {
    into.varUint(exemplars.length);
    exemplars.forEach(write);
  };
  array(({ attributes }) => into.block(attributes));
  array(({ timeLow, timeHigh }) => into.uint64(timeLow, timeHigh));
  array(({ value }) => into.float64(value));
  array(({ spanId }) => into.hexText(spanId, 0, spanId.length));
  array(({ traceId }) => into.hexText(traceId, 0, traceId.length));
}

/** opentelemetry/proto/metrics/v1/metrics.proto, Exemplar. */
function readExemplar(reader: WireReader): Exemplar {
  const writer = new RowWriter(FIRST_BYTES);
  const attributes = new AttributeMap(writer);
  const times = { timeLow: 0, timeHigh: 0 };
  let value = 0;
  let spanId = new Uint8Array(0);
  let traceId = new Uint8Array(0);
  attributes.begin();
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 2) {
      readTime(reader);
      times.timeLow = reader.low;
      times.timeHigh = reader.high;
    } else if (field === 3) value = reader.double();
    else if (field === 4) spanId = Uint8Array.from(reader.bytes());
    else if (field === 5) traceId = Uint8Array.from(reader.bytes());
    else if (field === 6) value = readSigned(reader);
    else if (field === 7) attributes.add(reader);
    else reader.skip();
  }
  attributes.end();
  return { attributes: writer.written(), ...times, value, spanId, traceId };
}
