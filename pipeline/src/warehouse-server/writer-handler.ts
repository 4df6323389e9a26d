import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import type { QueryAnswer } from '../warehouse/query-answer.ts';
import { answerFormat, readQueryUrl } from '../warehouse/http-request.ts';
import { BadQueryRequestError } from '../warehouse/http-request.ts';
import { ByteBudget } from '../consume/byte-budget.ts';
import { BodyFile } from './body-file.ts';
import { insertFromFile, parseInsert } from './insert-statement.ts';
import { settingsStatement } from './request-settings.ts';
import type { StatementSlots } from './statement-slots.ts';

const MAX_BODY_BYTES = 1024 * 1024 * 1024;
/** On disk, of all bodies that are being received, wait for a slot or are being read. */
const MAX_BODIES_BYTES = 4 * MAX_BODY_BYTES;
/** A statement with its rows inside has to be held as text. */
const MAX_STATEMENT_BYTES = 64 * 1024 * 1024;

/** Answers a writer's request: any statement, and inserts with their rows in the body. */
export class WriterHandler {
  readonly #slots: StatementSlots;
  readonly #bodyFolder: string;
  readonly #room: ByteBudget;

  constructor(slots: StatementSlots, bodyFolder: string, maxBodiesBytes = MAX_BODIES_BYTES) {
    this.#slots = slots;
    this.#bodyFolder = bodyFolder;
    this.#room = new ByteBudget(maxBodiesBytes);
  }

  async answer(request: IncomingMessage): Promise<QueryAnswer> {
    const query = readQueryUrl(request);
    if (query.url.searchParams.get('decompress') === '1') {
      throw unsupported('decompress=1; send Content-Encoding: gzip or zstd instead');
    }
    if (query.url.searchParams.get('compress') === '1') {
      throw unsupported('compress=1; ask with enable_http_compression=1 instead');
    }
    const body = await BodyFile.receive(
      request,
      join(this.#bodyFolder, randomUUID()),
      MAX_BODY_BYTES,
      this.#room,
    );
    try {
      const inUrl = query.url.searchParams.get('query') ?? '';
      const { statement, isInsert } = await joined(inUrl, body);
      const result = await this.#slots.run(statement, {
        settings: settingsStatement(query.url.searchParams),
        database: query.database,
        format: query.format,
      });
      return {
        ...query,
        format: answerFormat(statement, query.format),
        body: isInsert ? Buffer.alloc(0) : result.bytes,
        summary: isInsert
          ? { ...result, readRows: 0, writtenRows: result.rows }
          : { ...result, readRows: result.rows, writtenRows: 0 },
      };
    } finally {
      await body.remove();
    }
  }
}

interface JoinedStatement {
  readonly statement: string;
  readonly isInsert: boolean;
}

/** ClickHouse takes the URL's query and the body as one text, of which rows may be the rest. */
async function joined(inUrl: string, body: BodyFile): Promise<JoinedStatement> {
  const insert = body.sizeBytes === 0 ? null : parseInsert(inUrl);
  if (insert !== null) return { statement: insertFromFile(insert, body.path), isInsert: true };
  if (body.sizeBytes > MAX_STATEMENT_BYTES) {
    throw new BadQueryRequestError(413, 307, 'TOO_MANY_BYTES', 'put the INSERT into the URL');
  }
  const text = await body.text();
  const statement = inUrl === '' ? text : `${inUrl}\n${text}`;
  return { statement, isInsert: /^\s*INSERT\s/i.test(statement) };
}

function unsupported(what: string): BadQueryRequestError {
  return new BadQueryRequestError(400, 48, 'NOT_IMPLEMENTED', what);
}
