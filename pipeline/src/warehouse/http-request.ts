import type { IncomingMessage } from 'node:http';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';

export interface QueryRequest {
  readonly statement: string;
  readonly parameters: Readonly<Record<string, string>>;
  readonly format: string;
  readonly database: string;
  readonly queryId: string | null;
  readonly acceptsGzip: boolean;
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
const gunzipAsync = promisify(gunzip);

/** Reads what ClickHouse's HTTP interface takes; settings are ignored, the sessions have their own. */
export async function readQueryRequest(request: IncomingMessage): Promise<QueryRequest> {
  const url = new URL(request.url ?? '/', 'http://localhost');
  const body = request.method === 'POST' ? await readBody(request) : '';
  const inUrl = url.searchParams.get('query') ?? '';
  const parameters: Record<string, string> = {};
  for (const [name, value] of url.searchParams) {
    if (!name.startsWith('param_')) continue;
    if (!/^param_[A-Za-z_]\w{0,127}$/.test(name)) {
      throw new BadQueryRequestError(400, 36, 'BAD_ARGUMENTS', `parameter name ${name}`);
    }
    parameters[name.slice('param_'.length)] = value;
  }
  const format = url.searchParams.get('default_format') ?? 'TabSeparated';
  if (!/^\w{1,64}$/.test(format)) {
    throw new BadQueryRequestError(400, 73, 'UNKNOWN_FORMAT', `Unknown format ${format}`);
  }
  return {
    statement: inUrl === '' ? body : `${inUrl}\n${body}`,
    parameters,
    format,
    database: url.searchParams.get('database') ?? 'default',
    queryId: url.searchParams.get('query_id'),
    acceptsGzip:
      url.searchParams.get('enable_http_compression') === '1' &&
      /\bgzip\b/.test(request.headers['accept-encoding'] ?? ''),
  };
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
