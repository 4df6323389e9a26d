import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createClient, type ClickHouseClient } from '@clickhouse/client';
import { FolderLock } from '@flotilla/service';
import { drainPending, Session } from 'chdb';
import { createChdbConnection } from 'chdb/connection';

const CONFIG_FOLDER = new URL('../../config/', import.meta.url);

type InjectedConnection = NonNullable<
  NonNullable<Parameters<typeof createClient>[0]>['connection']
>;

/**
 * The in-process ClickHouse on a folder of its own: one process per folder, one folder per process.
 * The first session decides the engine's configuration, so it is opened first and closed last.
 */
export class EmbeddedEngine {
  readonly #path: string;
  readonly #lock: FolderLock;
  readonly #holder: Session;

  private constructor(path: string, lock: FolderLock, holder: Session) {
    this.#path = path;
    this.#lock = lock;
    this.#holder = holder;
  }

  /** Throws FolderInUseError when another process has the folder. */
  static open(folder: string, pid: number): EmbeddedEngine {
    const lock = FolderLock.acquire(folder, pid);
    const path = join(folder, 'engine');
    try {
      const holder = new Session(path, {
        connectionArgs: [`--config-file=${writeEngineConfig(folder)}`],
      });
      return new EmbeddedEngine(path, lock, holder);
    } catch (error) {
      lock.release();
      throw error;
    }
  }

  /** For files that carry rows into the engine; nothing in it outlives the process. */
  get insertFolder(): string {
    return join(dirname(this.#path), 'inserts');
  }

  /** A client on a connection of its own; a connection runs one statement at a time. */
  client(): ClickHouseClient {
    const connection = createChdbConnection({ path: this.#path });
    // Both packages bring their own, equal declaration of the interface; nominal parts keep them apart.
    return createClient({ connection: connection as unknown as InjectedConnection });
  }

  /** A bare session, for callers that speak the engine's own formats. */
  session(): Session {
    return new Session(this.#path);
  }

  /** Waits for what still runs: closing a connection under a query aborts the engine. */
  async close(): Promise<void> {
    await drainPending();
    this.#holder.close();
    this.#lock.release();
  }
}

/**
 * The engine looks for its users file beside the process's working directory, so the configuration
 * it is given names that file by its absolute path.
 */
function writeEngineConfig(folder: string): string {
  const users = fileURLToPath(new URL('users.xml', CONFIG_FOLDER));
  const template = readFileSync(new URL('engine.xml', CONFIG_FOLDER), 'utf8');
  const file = join(folder, 'engine.xml');
  writeFileSync(
    file,
    template.replace('>users.xml<', () => `>${xmlText(users)}<`),
  );
  return file;
}

function xmlText(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}
