import { randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { nativeForRevision } from './native-blocks.ts';

const gzipAsync = promisify(gzip);

/** What a statement did, for the `X-ClickHouse-Summary` header. */
export interface StatementSummary {
  readonly readRows: number;
  readonly readBytes: number;
  readonly writtenRows: number;
  readonly elapsedSeconds: number;
}

/** A statement's result and how the client wants it. */
export interface QueryAnswer {
  readonly body: Buffer;
  readonly format: string;
  readonly queryId: string | null;
  readonly acceptsGzip: boolean;
  /** Revision of ClickHouse's protocol that the client reads Native answers by; 0: it named none. */
  readonly protocolRevision: number;
  readonly summary: StatementSummary | null;
}

/** Answers as ClickHouse's HTTP interface does, headers included. */
export async function sendAnswer(response: ServerResponse, answer: QueryAnswer): Promise<void> {
  const plain =
    answer.format === 'Native'
      ? nativeForRevision(answer.body, answer.protocolRevision)
      : answer.body;
  const body = answer.acceptsGzip ? await gzipAsync(plain) : plain;
  response.writeHead(200, {
    'content-type': contentType(answer.format),
    'content-length': body.length,
    'x-clickhouse-query-id': printable(answer.queryId ?? randomUUID()),
    'x-clickhouse-format': answer.format,
    'x-clickhouse-timezone': 'UTC',
    ...(answer.summary !== null && { 'x-clickhouse-summary': summaryHeader(answer.summary) }),
    ...(answer.acceptsGzip && { 'content-encoding': 'gzip' }),
  });
  response.end(body);
}

/** Numbers are strings, as the server writes them: a 64-bit count does not fit JSON's numbers. */
function summaryHeader(summary: StatementSummary): string {
  return JSON.stringify({
    read_rows: String(summary.readRows),
    read_bytes: String(summary.readBytes),
    written_rows: String(summary.writtenRows),
    written_bytes: '0',
    total_rows_to_read: '0',
    result_rows: '0',
    result_bytes: '0',
    elapsed_ns: String(Math.round(summary.elapsedSeconds * 1e9)),
  });
}

/** As the server's output formats name their content. */
function contentType(format: string): string {
  if (/^JSON\w*EachRow|^JSONLines|^NDJSON/.test(format))
    return 'application/x-ndjson; charset=UTF-8';
  if (format.startsWith('JSON')) return 'application/json; charset=UTF-8';
  if (/^(TabSeparated|TSV)/.test(format)) return 'text/tab-separated-values; charset=UTF-8';
  if (format.startsWith('CSV')) return 'text/csv; charset=UTF-8; header=absent';
  if (/^(Native|RowBinary|Parquet|Arrow|ORC|Avro|MsgPack|Protobuf)/.test(format)) {
    return 'application/octet-stream';
  }
  return 'text/plain; charset=UTF-8';
}

function printable(text: string): string {
  return text.replace(/[^\x21-\x7e]/g, '_').slice(0, 128);
}
