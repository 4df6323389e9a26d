import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { Logger } from '@flotilla/service';
import { BadQueryRequestError, readQueryRequest } from './http-request.ts';
import { queryError } from './query-error.ts';
import { refuseUnlessReading } from './read-only-statement.ts';
import type { ReadSessions } from './read-sessions.ts';

const gzipAsync = promisify(gzip);
const HOST = '127.0.0.1';

/**
 * ClickHouse's HTTP interface, as far as reading clients need it, over the embedded engine: `GET /ping`,
 * and queries by GET or POST with typed parameters. Listens on the loopback interface only.
 */
export class WarehouseHttpEndpoint {
  readonly #server: Server;
  readonly #sessions: ReadSessions;
  readonly #logger: Logger;

  private constructor(sessions: ReadSessions, logger: Logger) {
    this.#sessions = sessions;
    this.#logger = logger;
    this.#server = createServer((request, response) => void this.#handle(request, response));
  }

  static async listen(
    sessions: ReadSessions,
    port: number,
    logger: Logger,
  ): Promise<WarehouseHttpEndpoint> {
    const endpoint = new WarehouseHttpEndpoint(sessions, logger);
    await new Promise<void>((resolve, reject) => {
      endpoint.#server.once('error', reject);
      endpoint.#server.listen(port, HOST, () => resolve());
    });
    return endpoint;
  }

  get url(): string {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('the endpoint is closed');
    return `http://${HOST}:${address.port}`;
  }

  async close(): Promise<void> {
    this.#server.closeIdleConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      checkHost(request);
      const path = (request.url ?? '/').split('?')[0];
      if (request.method === 'GET' && (path === '/ping' || request.url === '/')) {
        response.end('Ok.\n');
      } else if ((request.method === 'GET' || request.method === 'POST') && path === '/') {
        await this.#answerQuery(request, response);
      } else {
        response.writeHead(404).end(`There is no handle ${request.url ?? ''}\n`);
      }
    } catch (error) {
      this.#fail(error, response);
    }
  }

  async #answerQuery(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const query = await readQueryRequest(request);
    if (query.database !== 'default') {
      throw new BadQueryRequestError(
        404,
        81,
        'UNKNOWN_DATABASE',
        `Database ${query.database} does not exist`,
      );
    }
    const refusal = refuseUnlessReading(query.statement);
    if (refusal !== null) {
      const status = refusal.code === 62 ? 400 : 403;
      throw new BadQueryRequestError(status, refusal.code, refusal.type, refusal.reason);
    }
    const result = await this.#sessions.query(query.statement, query.parameters, query.format);
    const body = query.acceptsGzip ? await gzipAsync(result) : result;
    response.writeHead(200, {
      'content-type': query.format.startsWith('JSON')
        ? 'application/json'
        : 'text/plain; charset=UTF-8',
      'content-length': body.length,
      'x-clickhouse-query-id': printable(query.queryId ?? randomUUID()),
      'x-clickhouse-format': query.format,
      'x-clickhouse-timezone': 'UTC',
      ...(query.acceptsGzip && { 'content-encoding': 'gzip' }),
    });
    response.end(body);
  }

  #fail(error: unknown, response: ServerResponse): void {
    const { status, code, text } = queryError(error);
    if (status >= 500) this.#logger.warn({ err: error, code }, 'a query failed');
    if (response.headersSent) {
      response.destroy();
      return;
    }
    // A body that was not read to its end must not be taken for the next request.
    response.writeHead(status, {
      'content-type': 'text/plain; charset=UTF-8',
      'x-clickhouse-exception-code': String(code),
      connection: 'close',
    });
    response.end(text);
  }
}

/** A page in a browser that made its own name point here would send that name (DNS rebinding). */
function checkHost(request: IncomingMessage): void {
  const host = (request.headers.host ?? '').replace(/:\d+$/, '');
  if (host === HOST || host === 'localhost') return;
  throw new BadQueryRequestError(403, 497, 'ACCESS_DENIED', 'only reachable as localhost');
}

function printable(text: string): string {
  return text.replace(/[^\x21-\x7e]/g, '_').slice(0, 128);
}
