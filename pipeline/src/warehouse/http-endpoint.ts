import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Logger } from '@flotilla/service';
import { answerFormat, BadQueryRequestError, readQueryRequest } from './http-request.ts';
import { sendAnswer, type QueryAnswer } from './query-answer.ts';
import { queryError } from './query-error.ts';
import { refuseUnlessReading } from './read-only-statement.ts';
import type { ReadSessions } from './read-sessions.ts';

const HOST = '127.0.0.1';
/** There are no replicas, so they never lag. */
const HEALTH_PATHS = new Set(['/ping', '/replicas_status']);

/** For an endpoint that takes writes too: nobody gets in without an account. */
export interface WriteAccess {
  readonly host: string;
  /** Throws BadQueryRequestError when nobody is known by what the request carries. */
  readonly isWriter: (request: IncomingMessage) => boolean;
  readonly answer: (request: IncomingMessage) => Promise<QueryAnswer>;
}

/**
 * ClickHouse's HTTP interface over the embedded engine: `GET /ping`, and queries by GET or POST with typed
 * parameters. Only reads, on the loopback interface and for anybody there, unless `writes` are given.
 */
export class WarehouseHttpEndpoint {
  readonly #server: Server;
  readonly #sessions: ReadSessions;
  readonly #logger: Logger;
  readonly #writes: WriteAccess | null;

  private constructor(sessions: ReadSessions, logger: Logger, writes: WriteAccess | null) {
    this.#sessions = sessions;
    this.#writes = writes;
    this.#logger = logger;
    this.#server = createServer((request, response) => void this.#handle(request, response));
  }

  static async listen(
    sessions: ReadSessions,
    port: number,
    logger: Logger,
    writes: WriteAccess | null = null,
  ): Promise<WarehouseHttpEndpoint> {
    const endpoint = new WarehouseHttpEndpoint(sessions, logger, writes);
    await new Promise<void>((resolve, reject) => {
      endpoint.#server.once('error', reject);
      endpoint.#server.listen(port, writes?.host ?? HOST, () => resolve());
    });
    return endpoint;
  }

  get url(): string {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('the endpoint is closed');
    const host = address.family === 'IPv6' ? `[${address.address}]` : address.address;
    return `http://${host}:${address.port}`;
  }

  async close(): Promise<void> {
    this.#server.closeIdleConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      if (this.#writes === null) checkHost(request);
      const path = (request.url ?? '/').split('?')[0] ?? '/';
      const isRead = request.method === 'GET' || request.method === 'HEAD';
      if (isRead && (HEALTH_PATHS.has(path) || request.url === '/')) {
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
    // ClickHouse too takes a GET for a read, whoever sends it: a link must not change anything.
    const isWrite = this.#writes?.isWriter(request) === true && request.method === 'POST';
    await sendAnswer(
      response,
      isWrite && this.#writes !== null
        ? await this.#writes.answer(request)
        : await this.#read(request),
    );
  }

  async #read(request: IncomingMessage): Promise<QueryAnswer> {
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
    return {
      ...query,
      body: await this.#sessions.query(query.statement, query.parameters, query.format),
      format: answerFormat(query.statement, query.format),
      summary: null,
    };
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
