import { DecodeError, WireReader } from '@flotilla/otlp';
import { TOPIC_LOGS, TOPIC_METRICS, TOPIC_SPANS } from '@flotilla/contracts';
import { AttributeMap } from './attribute-map.ts';
import { encodeLogs } from './encode-logs.ts';
import { encodeMetrics } from './encode-metrics.ts';
import { encodeSpans } from './encode-spans.ts';
import { RowBudget } from './row-budget.ts';
import { RowWriter } from './row-writer.ts';
import { TableRows } from './table-rows.ts';
import { TELEMETRY_TABLES, type TelemetryTable } from './tables.ts';

const SHARED_BYTES = 4096;

/** Encodes OTLP requests of one source to rows in RowBinary, table by table. */
export class RowEncoder {
  /** `topic/partition`, the IngestSource of every row. */
  readonly source: string;
  readonly #topic: string;
  readonly #tables = new Map<TelemetryTable, TableRows>();
  /** What the rows under way repeat: resource, scope, metric; a stack cut back level by level. */
  readonly shared = new RowWriter(SHARED_BYTES);
  readonly sharedAttributes = new AttributeMap(this.shared);
  readonly #sharedStart: number;

  constructor(topic: string, partition: number) {
    this.#topic = topic;
    this.source = `${topic}/${partition}`;
    this.shared.text(this.source);
    this.#sharedStart = this.shared.length;
  }

  /** Adds the rows of one request and returns their number. Throws DecodeError, then adds none. */
  add(offset: number, request: Uint8Array): number {
    const before = TELEMETRY_TABLES.map((table) => this.#tables.get(table)?.count ?? 0);
    this.shared.truncate(this.#sharedStart);
    this.shared.uint64(offset >>> 0, Math.floor(offset / 0x1_0000_0000));
    try {
      this.#encode(new WireReader(request));
    } catch (error) {
      TELEMETRY_TABLES.forEach((table, i) => this.#tables.get(table)?.truncate(before[i] ?? 0));
      throw error;
    }
    return this.rowCount - before.reduce((sum, count) => sum + count, 0);
  }

  get rowCount(): number {
    return this.tables().reduce((sum, { count }) => sum + count, 0);
  }

  get sizeBytes(): number {
    return this.tables().reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  }

  /** Tables that got rows, in a fixed order. */
  tables(): TableRows[] {
    return TELEMETRY_TABLES.flatMap((table) => this.#tables.get(table) ?? []).filter(
      ({ count }) => count > 0,
    );
  }

  rowsOf(table: TelemetryTable): TableRows {
    const known = this.#tables.get(table);
    if (known !== undefined) return known;
    const created = new TableRows(table);
    this.#tables.set(table, created);
    return created;
  }

  #encode(request: WireReader): void {
    const budget = new RowBudget();
    if (this.#topic === TOPIC_METRICS) encodeMetrics(request, this, budget);
    else if (this.#topic === TOPIC_LOGS) encodeLogs(request, this, budget);
    else if (this.#topic === TOPIC_SPANS) encodeSpans(request, this, budget);
    else throw new DecodeError('topic_unknown', `topic ${this.#topic} carries no telemetry`);
  }
}
