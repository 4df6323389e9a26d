import type { WireReader } from '@flotilla/otlp';
import type { FixedColumn } from './columns/fixed-column.ts';
import type { TextColumn } from './columns/text-column.ts';
import { eachRecord } from './each-record.ts';
import { ExponentialPoints } from './exponential-points.ts';
import { HistogramPoints } from './histogram-points.ts';
import { NumberPoints } from './number-points.ts';
import type { RowBudget } from './row-budget.ts';
import type { EncodeRequest, RowEncoder } from './row-encoder.ts';
import { SummaryPoints } from './summary-points.ts';
import type { TableRows } from './table-rows.ts';
import type { TelemetryTable } from './tables.ts';
import { TextSpans } from './text-spans.ts';

interface Points {
  add(reader: WireReader): void;
}

interface Kind {
  readonly table: TelemetryTable;
  readonly points: new (rows: TableRows) => Points;
}

/** By the number of Metric's `data` field; 4, 6 and 8 are reserved. */
const KINDS: readonly (Kind | undefined)[] = [
  ...Array<undefined>(5),
  { table: 'otel_metrics_gauge', points: NumberPoints },
  undefined,
  { table: 'otel_metrics_sum', points: NumberPoints },
  undefined,
  { table: 'otel_metrics_histogram', points: HistogramPoints },
  { table: 'otel_metrics_exponential_histogram', points: ExponentialPoints },
  { table: 'otel_metrics_summary', points: SummaryPoints },
];

const NAME = 0;
const DESCRIPTION = 1;
const UNIT = 2;

/** Rows of ExportMetricsServiceRequest messages; opentelemetry/proto/metrics/v1/metrics.proto. */
export function metricsEncoder(out: RowEncoder): EncodeRequest {
  const spans = new TextSpans(3);
  const kinds: (MetricColumns | undefined)[] = [];
  const columnsOf = (field: number): MetricColumns | undefined => {
    const kind = KINDS[field];
    if (kind === undefined) return undefined;
    return (kinds[field] ??= new MetricColumns(out.rowsOf(kind.table), kind.points));
  };
  return (request, budget) => {
    eachRecord(request, out, out.rowsOf('otel_metrics_gauge'), (metric, sharedBytes) => {
      encodeMetric(metric, columnsOf, sharedBytes, budget, spans);
    });
  };
}

/**
 * The data may come before the name, and a repeated oneof field continues the first (protobuf merges
 * them), so the fields are walked twice.
 */
function encodeMetric(
  reader: WireReader,
  columnsOf: (field: number) => MetricColumns | undefined,
  sharedBytes: number,
  budget: RowBudget,
  spans: TextSpans,
): void {
  const start = reader.position;
  let ownBytes = 0;
  spans.clear();
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field >= 1 && field <= 3) {
      spans.text(field - 1, reader);
      ownBytes += reader.spanLength;
    } else reader.skip();
  }
  reader.seek(start);
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    const columns = columnsOf(field);
    if (columns === undefined) {
      reader.skip();
      continue;
    }
    const outerEnd = reader.enter();
    columns.add(reader, spans, sharedBytes + ownBytes, budget);
    reader.leave(outerEnd);
  }
}

/** Rows of one kind of metric. */
class MetricColumns {
  readonly #rows: TableRows;
  readonly #points: Points;
  readonly #name: TextColumn;
  readonly #description: TextColumn;
  readonly #unit: TextColumn;
  readonly #temporality: FixedColumn | null;
  readonly #isMonotonic: FixedColumn | null;

  constructor(rows: TableRows, points: Kind['points']) {
    const { block } = rows;
    const optional = (name: string) => (block.has(name) ? block.fixed(name) : null);
    this.#rows = rows;
    this.#points = new points(rows);
    this.#name = block.text('MetricName');
    this.#description = block.text('MetricDescription');
    this.#unit = block.text('MetricUnit');
    this.#temporality = optional('AggregationTemporality');
    this.#isMonotonic = optional('IsMonotonic');
  }

  /** Gauge, Sum, Histogram, ExponentialHistogram and Summary number their fields alike. */
  add(reader: WireReader, texts: TextSpans, sharedBytes: number, budget: RowBudget): void {
    const before = this.#rows.count;
    let temporality = 0;
    let isMonotonic = false;
    for (let field = reader.next(); field !== 0; field = reader.next()) {
      if (field === 1) {
        const outerEnd = reader.enter();
        budget.take(sharedBytes + reader.remainingBytes);
        this.#points.add(reader);
        reader.leave(outerEnd);
      } else if (field === 2) temporality = reader.int32();
      else if (field === 3) isMonotonic = reader.bool();
      else reader.skip();
    }
    const rows = this.#rows.count - before;
    if (rows === 0) return;
    repeatText(NAME, texts, reader, this.#name, rows);
    repeatText(DESCRIPTION, texts, reader, this.#description, rows);
    repeatText(UNIT, texts, reader, this.#unit, rows);
    this.#temporality?.uint32(temporality);
    this.#temporality?.repeatLast(rows);
    this.#isMonotonic?.uint8(isMonotonic ? 1 : 0);
    this.#isMonotonic?.repeatLast(rows);
  }
}

function repeatText(
  which: number,
  texts: TextSpans,
  reader: WireReader,
  column: TextColumn,
  rows: number,
): void {
  texts.write(which, reader, column);
  column.repeatLast(rows);
}
