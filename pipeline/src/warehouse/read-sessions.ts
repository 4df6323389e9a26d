import { drainPending, type Session } from 'chdb';
import type { EmbeddedEngine } from './embedded-engine.ts';

/** Set once per session; read-only then locks them. */
const SESSION_SETTINGS = [
  'SET max_execution_time = 15',
  'SET max_memory_usage = 2000000000',
  'SET max_result_bytes = 268435456',
  'SET max_threads = 2',
  'SET readonly = 1',
];
const MAX_WAITING = 64;

/** Too many queries wait already. */
export class TooManyQueriesError extends Error {
  override readonly name = 'TooManyQueriesError';
}

/** A few sessions that can only read. Each runs one query at a time; the others wait their turn. */
export class ReadSessions {
  readonly #idle: Session[];
  readonly #all: readonly Session[];
  readonly #waiting: ((session: Session) => void)[] = [];

  private constructor(sessions: readonly Session[]) {
    this.#all = sessions;
    this.#idle = [...sessions];
  }

  static async open(engine: EmbeddedEngine, count: number): Promise<ReadSessions> {
    const sessions = Array.from({ length: count }, () => engine.session());
    for (const session of sessions) {
      for (const statement of SESSION_SETTINGS) await session.queryAsync(statement);
    }
    return new ReadSessions(sessions);
  }

  /**
   * Runs one statement. `parameters` are the values of its placeholders as ClickHouse's HTTP interface
   * takes them, bound by the engine. Rejects with the engine's error, or TooManyQueriesError.
   */
  async query(
    statement: string,
    parameters: Readonly<Record<string, string>>,
    format: string,
  ): Promise<Buffer> {
    const session = await this.#acquire();
    try {
      const bindings = Object.entries(parameters).map(
        ([name, value]) => `SET param_${name} = ${literal(value)};\n`,
      );
      const result = await session.queryAsync(`${bindings.join('')}${statement}`, { format });
      return Buffer.from(result.bytes());
    } finally {
      this.#release(session);
    }
  }

  async close(): Promise<void> {
    await drainPending();
    for (const session of this.#all) session.close();
  }

  #acquire(): Promise<Session> {
    const session = this.#idle.pop();
    if (session !== undefined) return Promise.resolve(session);
    if (this.#waiting.length >= MAX_WAITING) {
      return Promise.reject(new TooManyQueriesError(`${MAX_WAITING} queries are waiting`));
    }
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #release(session: Session): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#idle.push(session);
    else next(session);
  }
}

/** A string literal; backslash and quote are all that could end it early. */
export function literal(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
