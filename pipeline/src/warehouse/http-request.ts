import type { IncomingMessage } from 'node:http';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';

/** What a request's URL says. */
export interface QueryUrl {
  readonly url: URL;
  /** Of the answer, unless the statement names its own. */
  readonly format: string;
  readonly database: string;
  readonly queryId: string | null;
  readonly acceptsGzip: boolean;
  /** `client_protocol_version`, 0 without. */
  readonly protocolRevision: number;
}

export interface QueryRequest extends QueryUrl {
  readonly statement: string;
  readonly parameters: Readonly<Record<string, string>>;
}

/** A request that never reaches the engine; `code` and `type` are ClickHouse's. */
export class BadQueryRequestError extends Error {
  override readonly name = 'BadQueryRequestError';
  readonly status: number;
  readonly code: number;
  readonly type: string;
  constructor(status: number, code: number, type: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.status = status;
    this.code = code;
    this.type = type;
  }
}

const MAX_STATEMENT_BYTES = 1024 * 1024;
/** Patterns that search a URL's query take a time that grows faster than its length. */
const MAX_URL_CHARACTERS = 16 * 1024;
const gunzipAsync = promisify(gunzip);

/** Reads what ClickHouse's HTTP interface takes; settings are ignored, the sessions have their own. */
export async function readQueryRequest(request: IncomingMessage): Promise<QueryRequest> {
  const query = readQueryUrl(request);
  const body = request.method === 'POST' ? await readBody(request) : '';
  const inUrl = query.url.searchParams.get('query') ?? '';
  const parameters: Record<string, string> = {};
  for (const [name, value] of query.url.searchParams) {
    if (!name.startsWith('param_')) continue;
    if (!/^param_[A-Za-z_]\w{0,127}$/.test(name)) {
      throw new BadQueryRequestError(400, 36, 'BAD_ARGUMENTS', `parameter name ${name}`);
    }
    parameters[name.slice('param_'.length)] = value;
  }
  return { ...query, statement: inUrl === '' ? body : `${inUrl}\n${body}`, parameters };
}

export function readQueryUrl(request: IncomingMessage): QueryUrl {
  if ((request.url?.length ?? 0) > MAX_URL_CHARACTERS) {
    throw new BadQueryRequestError(414, 307, 'TOO_MANY_BYTES', 'send a long query as the body');
  }
  const url = new URL(request.url ?? '/', 'http://localhost');
  const header = (name: string): string | null => {
    const value = request.headers[name];
    return typeof value === 'string' ? value : null;
  };
  const format =
    url.searchParams.get('default_format') ?? header('x-clickhouse-format') ?? 'TabSeparated';
  if (!/^\w{1,64}$/.test(format)) {
    throw new BadQueryRequestError(400, 73, 'UNKNOWN_FORMAT', `Unknown format ${format}`);
  }
  const revision = url.searchParams.get('client_protocol_version') ?? '0';
  if (!/^\d{1,9}$/.test(revision)) {
    throw new BadQueryRequestError(400, 36, 'BAD_ARGUMENTS', 'client_protocol_version');
  }
  return {
    url,
    format,
    protocolRevision: Number(revision),
    database: url.searchParams.get('database') ?? header('x-clickhouse-database') ?? 'default',
    queryId: url.searchParams.get('query_id'),
    acceptsGzip:
      url.searchParams.get('enable_http_compression') === '1' &&
      /\bgzip\b/.test(request.headers['accept-encoding'] ?? ''),
  };
}

/** The format a statement names at its end, else the request's. */
export function answerFormat(statement: string, requested: string): string {
  return /\sFORMAT\s+(\w{1,64})(?:\s+SETTINGS\s[^;]*)?\s*;?\s*$/i.exec(statement)?.[1] ?? requested;
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_STATEMENT_BYTES) throw tooLarge();
    chunks.push(chunk);
  }
  const body = Buffer.concat(chunks);
  if (request.headers['content-encoding'] !== 'gzip') return body.toString('utf8');
  try {
    const plain = await gunzipAsync(body, { maxOutputLength: MAX_STATEMENT_BYTES });
    return plain.toString('utf8');
  } catch (cause) {
    if (cause instanceof RangeError) throw tooLarge(cause);
    throw new BadQueryRequestError(400, 354, 'ZLIB_INFLATE_FAILED', 'the body is no gzip', {
      cause,
    });
  }
}

function tooLarge(cause?: unknown): BadQueryRequestError {
  return new BadQueryRequestError(
    413,
    307,
    'TOO_MANY_BYTES',
    `the statement exceeds ${MAX_STATEMENT_BYTES} bytes`,
    { cause },
  );
}
