import { emptyAttributes, readAttribute } from './any-value.ts';
import { emptyExemplars, readExemplar } from './exemplars.ts';
import type { GaugeRow, MetricFields } from './rows.ts';
import { float64Json, ticks } from './timestamp.ts';
import type { WireReader } from '@flotilla/otlp';

/** metrics.proto, NumberDataPoint; the point of a gauge and of a sum. */
export function readNumberPoint(reader: WireReader, metric: MetricFields): GaugeRow {
  const row: GaugeRow = {
    ...metric,
    Attributes: emptyAttributes(),
    StartTimeUnix: ticks(0n),
    TimeUnix: ticks(0n),
    Value: 0,
    Flags: 0,
    ...emptyExemplars(),
  };
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 2) row.StartTimeUnix = ticks(reader.fixed64());
    else if (field === 3) row.TimeUnix = ticks(reader.fixed64());
    else if (field === 4) row.Value = float64Json(reader.double());
    else if (field === 5) readExemplar(reader.message(), row);
    else if (field === 6) row.Value = Number(reader.sfixed64());
    else if (field === 7) readAttribute(reader.message(), row.Attributes);
    else if (field === 8) row.Flags = reader.uint32();
    else reader.skip();
  }
  return row;
}
