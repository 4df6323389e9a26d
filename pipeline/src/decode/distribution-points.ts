import { emptyAttributes, readAttribute } from './any-value.ts';
import { emptyExemplars, readExemplar } from './exemplars.ts';
import type { ExponentialHistogramRow, HistogramRow, MetricFields, SummaryRow } from './rows.ts';
import { float64Json, ticks, uint64Json, type RawJson } from './timestamp.ts';
import type { WireReader } from '@flotilla/otlp';

const doubleAt = (view: DataView, offset: number) => float64Json(view.getFloat64(offset, true));
const countAt = (view: DataView, offset: number) => uint64Json(view.getBigUint64(offset, true));

/** metrics.proto, HistogramDataPoint. */
export function readHistogramPoint(
  reader: WireReader,
  metric: MetricFields,
  temporality: number,
): HistogramRow {
  const row: HistogramRow = {
    ...emptyDistribution(metric),
    BucketCounts: [],
    ExplicitBounds: [],
    AggregationTemporality: temporality,
  };
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 2) row.StartTimeUnix = ticks(reader.fixed64());
    else if (field === 3) row.TimeUnix = ticks(reader.fixed64());
    else if (field === 4) row.Count = uint64Json(reader.fixed64());
    else if (field === 5) row.Sum = float64Json(reader.double());
    else if (field === 6) reader.repeatedFixed64(row.BucketCounts, countAt);
    else if (field === 7) reader.repeatedFixed64(row.ExplicitBounds, doubleAt);
    else if (field === 8) readExemplar(reader.message(), row);
    else if (field === 9) readAttribute(reader.message(), row.Attributes);
    else if (field === 10) row.Flags = reader.uint32();
    else if (field === 11) row.Min = float64Json(reader.double());
    else if (field === 12) row.Max = float64Json(reader.double());
    else reader.skip();
  }
  return row;
}

/** metrics.proto, ExponentialHistogramDataPoint. */
export function readExponentialPoint(
  reader: WireReader,
  metric: MetricFields,
  temporality: number,
): ExponentialHistogramRow {
  const positive = { offset: 0, counts: [] as RawJson[] };
  const negative = { offset: 0, counts: [] as RawJson[] };
  const row = {
    ...emptyDistribution(metric),
    Scale: 0,
    ZeroCount: uint64Json(0n),
    AggregationTemporality: temporality,
  };
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) readAttribute(reader.message(), row.Attributes);
    else if (field === 2) row.StartTimeUnix = ticks(reader.fixed64());
    else if (field === 3) row.TimeUnix = ticks(reader.fixed64());
    else if (field === 4) row.Count = uint64Json(reader.fixed64());
    else if (field === 5) row.Sum = float64Json(reader.double());
    else if (field === 6) row.Scale = reader.sint32();
    else if (field === 7) row.ZeroCount = uint64Json(reader.fixed64());
    else if (field === 8) readBuckets(reader.message(), positive);
    else if (field === 9) readBuckets(reader.message(), negative);
    else if (field === 10) row.Flags = reader.uint32();
    else if (field === 11) readExemplar(reader.message(), row);
    else if (field === 12) row.Min = float64Json(reader.double());
    else if (field === 13) row.Max = float64Json(reader.double());
    else reader.skip();
  }
  return {
    ...row,
    PositiveOffset: positive.offset,
    PositiveBucketCounts: positive.counts,
    NegativeOffset: negative.offset,
    NegativeBucketCounts: negative.counts,
  };
}

function readBuckets(reader: WireReader, into: { offset: number; counts: RawJson[] }): void {
  const counts: bigint[] = [];
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) into.offset = reader.sint32();
    else if (field === 2) reader.repeatedUint64(counts);
    else reader.skip();
  }
  for (const count of counts) into.counts.push(uint64Json(count));
}

/** metrics.proto, SummaryDataPoint. */
export function readSummaryPoint(reader: WireReader, metric: MetricFields): SummaryRow {
  const row: SummaryRow = {
    ...metric,
    Attributes: emptyAttributes(),
    StartTimeUnix: ticks(0n),
    TimeUnix: ticks(0n),
    Count: uint64Json(0n),
    Sum: 0,
    'ValueAtQuantiles.Quantile': [],
    'ValueAtQuantiles.Value': [],
    Flags: 0,
  };
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 2) row.StartTimeUnix = ticks(reader.fixed64());
    else if (field === 3) row.TimeUnix = ticks(reader.fixed64());
    else if (field === 4) row.Count = uint64Json(reader.fixed64());
    else if (field === 5) row.Sum = float64Json(reader.double());
    else if (field === 6) readQuantile(reader.message(), row);
    else if (field === 7) readAttribute(reader.message(), row.Attributes);
    else if (field === 8) row.Flags = reader.uint32();
    else reader.skip();
  }
  return row;
}

function readQuantile(reader: WireReader, row: SummaryRow): void {
  let quantile = 0;
  let value = 0;
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) quantile = reader.double();
    else if (field === 2) value = reader.double();
    else reader.skip();
  }
  row['ValueAtQuantiles.Quantile'].push(float64Json(quantile));
  row['ValueAtQuantiles.Value'].push(float64Json(value));
}

function emptyDistribution(metric: MetricFields) {
  return {
    ...metric,
    Attributes: emptyAttributes(),
    StartTimeUnix: ticks(0n),
    TimeUnix: ticks(0n),
    Count: uint64Json(0n),
    Sum: 0 as number | string,
    Min: 0 as number | string,
    Max: 0 as number | string,
    Flags: 0,
    ...emptyExemplars(),
  };
}
