import { drainPending, type Session } from 'chdb';
import type { EmbeddedEngine } from '../warehouse/embedded-engine.ts';
import { TooManyQueriesError } from '../warehouse/read-sessions.ts';

export interface StatementResult {
  readonly bytes: Buffer;
  /** Of a query the rows it read, of an INSERT those it wrote. */
  readonly rows: number;
  readonly readBytes: number;
  readonly elapsedSeconds: number;
}

const MAX_WAITING = 256;
/** A result is held in memory whole; the engine refuses a larger one (TOO_MANY_ROWS_OR_BYTES). */
const MAX_RESULT_BYTES = 256 * 1024 * 1024;

/**
 * Runs writers' statements, a bounded number at a time. Each has a session of its own, since settings
 * and parameters stay with a session.
 */
export class StatementSlots {
  readonly #engine: EmbeddedEngine;
  readonly #waiting: (() => void)[] = [];
  #free: number;

  constructor(engine: EmbeddedEngine, parallel: number) {
    this.#engine = engine;
    this.#free = parallel;
  }

  /** Rejects with the engine's error, or TooManyQueriesError. */
  async run(
    statement: string,
    { settings, database, format }: { settings: string | null; database: string; format: string },
  ): Promise<StatementResult> {
    await this.#enter();
    let session: Session | null = null;
    try {
      session = this.#engine.session();
      await session.queryAsync(`SET max_result_bytes = ${MAX_RESULT_BYTES}`);
      if (settings !== null) await session.queryAsync(settings);
      if (database !== 'default') {
        await session.queryAsync(`USE \`${database.replaceAll(/[`\\]/g, '')}\``);
      }
      const result = await session.queryAsync(statement, { format });
      return {
        bytes: Buffer.from(result.bytes()),
        rows: result.rowsRead,
        readBytes: result.bytesRead,
        elapsedSeconds: result.elapsed,
      };
    } finally {
      session?.close();
      this.#leave();
    }
  }

  async close(): Promise<void> {
    await drainPending();
  }

  #enter(): Promise<void> {
    if (this.#free > 0) {
      this.#free -= 1;
      return Promise.resolve();
    }
    if (this.#waiting.length >= MAX_WAITING) {
      return Promise.reject(new TooManyQueriesError(`${MAX_WAITING} statements are waiting`));
    }
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #leave(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free += 1;
    else next();
  }
}
