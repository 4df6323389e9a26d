import { DecodeError, WireReader } from '@flotilla/otlp';
import { TOPIC_LOGS, TOPIC_METRICS, TOPIC_SPANS } from '@flotilla/contracts';
import { logsEncoder } from './encode-logs.ts';
import { metricsEncoder } from './encode-metrics.ts';
import { spansEncoder } from './encode-spans.ts';
import { RowBudget } from './row-budget.ts';
import { TableRows } from './table-rows.ts';
import { TELEMETRY_TABLES, type TelemetryTable } from './tables.ts';

/** Adds the rows of one Export*ServiceRequest. */
export type EncodeRequest = (request: WireReader, budget: RowBudget) => void;

/** Encodes OTLP requests of one source to rows, table by table, column by column. */
export class RowEncoder {
  /** `topic/partition`, the IngestSource of every row. */
  readonly source: string;
  readonly sourceBytes: Uint8Array;
  readonly #tables = new Map<TelemetryTable, TableRows>();
  readonly #touched: TableRows[] = [];
  readonly #encode: EncodeRequest;
  #offset = 0;
  #rowCount = 0;
  #sizeBytes = 0;

  constructor(topic: string, partition: number) {
    this.source = `${topic}/${partition}`;
    this.sourceBytes = Buffer.from(this.source);
    this.#encode = this.#encoderOf(topic);
  }

  /** Adds the rows of one request and returns their number. Throws DecodeError, then adds none. */
  add(offset: number, request: Uint8Array): number {
    const before = this.#rowCount;
    this.#offset = offset;
    for (const rows of this.#touched) rows.mark();
    try {
      this.#encode(new WireReader(request), new RowBudget());
    } catch (error) {
      for (const rows of this.#touched) rows.rollBack();
      throw error;
    }
    let rowCount = 0;
    let sizeBytes = 0;
    for (const rows of this.#touched) {
      rowCount += rows.count;
      sizeBytes += rows.sizeBytes;
    }
    this.#rowCount = rowCount;
    this.#sizeBytes = sizeBytes;
    return rowCount - before;
  }

  get rowCount(): number {
    return this.#rowCount;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** Tables that got rows, in a fixed order. */
  tables(): TableRows[] {
    return TELEMETRY_TABLES.flatMap((table) => this.#tables.get(table) ?? []).filter(
      ({ count }) => count > 0,
    );
  }

  /** Of the request under way. */
  get offset(): number {
    return this.#offset;
  }

  /** All tables asked for so far. */
  get touched(): readonly TableRows[] {
    return this.#touched;
  }

  rowsOf(table: TelemetryTable): TableRows {
    const known = this.#tables.get(table);
    if (known !== undefined) return known;
    const created = new TableRows(table);
    this.#tables.set(table, created);
    this.#touched.push(created);
    return created;
  }

  #encoderOf(topic: string): EncodeRequest {
    if (topic === TOPIC_METRICS) return metricsEncoder(this);
    if (topic === TOPIC_LOGS) return logsEncoder(this);
    if (topic === TOPIC_SPANS) return spansEncoder(this);
    return () => {
      throw new DecodeError('topic_unknown', `topic ${topic} carries no telemetry`);
    };
  }
}
