import { emptyAttributes, readAttribute } from './any-value.ts';
import { hex } from './decode-logs.ts';
import type { GaugeRow } from './rows.ts';
import { float64Json, ticks } from './timestamp.ts';
import type { WireReader } from '@flotilla/otlp';

type ExemplarColumns = Pick<GaugeRow, Extract<keyof GaugeRow, `Exemplars.${string}`>>;

export function emptyExemplars(): ExemplarColumns {
  return {
    'Exemplars.FilteredAttributes': [],
    'Exemplars.TimeUnix': [],
    'Exemplars.Value': [],
    'Exemplars.SpanId': [],
    'Exemplars.TraceId': [],
  };
}

/** opentelemetry/proto/metrics/v1/metrics.proto, Exemplar. */
export function readExemplar(reader: WireReader, into: ExemplarColumns): void {
  const attributes = emptyAttributes();
  let time = 0n;
  let value = 0;
  let spanId = '';
  let traceId = '';
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 2) time = reader.fixed64();
    else if (field === 3) value = reader.double();
    else if (field === 4) spanId = hex(reader.bytes());
    else if (field === 5) traceId = hex(reader.bytes());
    else if (field === 6) value = Number(reader.sfixed64());
    else if (field === 7) readAttribute(reader.message(), attributes);
    else reader.skip();
  }
  into['Exemplars.FilteredAttributes'].push(attributes);
  into['Exemplars.TimeUnix'].push(ticks(time));
  into['Exemplars.Value'].push(float64Json(value));
  into['Exemplars.SpanId'].push(spanId);
  into['Exemplars.TraceId'].push(traceId);
}
