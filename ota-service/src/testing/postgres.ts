import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, existsSync, openSync, readdirSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readFile, rename, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Client } from 'pg';

const run = promisify(execFile);
const DEBIAN_ROOT = '/usr/lib/postgresql';
const CACHE = fileURLToPath(new URL('../../../node_modules/.cache/flotilla/', import.meta.url));
const READY_TIMEOUT_MS = 50_000;
const POLL_MS = 50;
const USER = 'flotilla';

/** Small, and nothing waits for the disk: a commit survives the server's crash, not the machine's. */
const SETTINGS = [
  'fsync=off',
  'full_page_writes=off',
  'autovacuum=off',
  'shared_buffers=32MB',
  'max_connections=60',
  'unix_socket_directories=',
  'listen_addresses=127.0.0.1',
];

/** Null when there is none; otherwise the folder of the newest installed server's programs. */
export function postgresPrograms(): string | null {
  if (!existsSync(DEBIAN_ROOT)) return null;
  const versions = readdirSync(DEBIAN_ROOT)
    .map(Number)
    .filter((version) => version > 0);
  const folders = versions
    .toSorted((a, b) => b - a)
    .map((version) => join(DEBIAN_ROOT, String(version), 'bin'));
  return folders.find((folder) => existsSync(join(folder, 'postgres'))) ?? null;
}

/** A real PostgreSQL server in a process of its own, on a free port of 127.0.0.1. */
export interface PostgresServer {
  /** A new, empty database; its locale sorts `a` before `B`, as a careless administrator's would. */
  newDatabase(): Promise<string>;
  /** Ends it as a crash would (immediate shutdown); resolves when it is gone. */
  crash(): Promise<void>;
  /** Starts it again on the same data and port; resolves when it answers. */
  restart(): Promise<void>;
  /** Ends it and removes its data. */
  close(): Promise<void>;
}

/** Resolves when it answers; rejects with what it said when it does not. */
export async function startPostgres(): Promise<PostgresServer> {
  const programs = postgresPrograms();
  if (programs === null) throw new Error('no PostgreSQL: apt-get install postgresql-15');
  const template = await dataTemplate(programs);
  const folder = await mkdtemp(join(tmpdir(), 'flotilla-postgres-'));
  await cp(template, join(folder, 'data'), { recursive: true });
  await ownedByServer(folder);
  const server = new ServerProcess(programs, folder, await freePort());
  await server.restart();
  return server;
}

class ServerProcess implements PostgresServer {
  readonly #programs: string;
  readonly #folder: string;
  readonly #port: number;
  #child: ChildProcess | null = null;

  constructor(programs: string, folder: string, port: number) {
    this.#programs = programs;
    this.#folder = folder;
    this.#port = port;
  }

  async newDatabase(): Promise<string> {
    const name = `test_${randomBytes(6).toString('hex')}`;
    const client = new Client({ connectionString: this.#urlOf('postgres') });
    await client.connect();
    try {
      await client.query(
        `create database ${name} template template0 locale_provider icu icu_locale 'en' locale 'C'`,
      );
    } finally {
      await client.end();
    }
    return this.#urlOf(name);
  }

  async restart(): Promise<void> {
    if (this.#child !== null) throw new Error('the server still runs');
    const outputFile = join(this.#folder, 'output.log');
    const output = openSync(outputFile, 'a');
    const settings = [...SETTINGS, `port=${this.#port}`].flatMap((setting) => ['-c', setting]);
    const data = join(this.#folder, 'data');
    this.#child = spawnTied(join(this.#programs, 'postgres'), ['-D', data, ...settings], output);
    closeSync(output);
    try {
      await this.#ready(this.#child);
    } catch (cause) {
      await this.crash();
      const said = (await readFile(outputFile, 'utf8')).slice(-4_000);
      throw new Error(`PostgreSQL did not start; it said: ${said}`, { cause });
    }
  }

  async crash(): Promise<void> {
    const child = this.#child;
    if (child === null) return;
    if (!hasEnded(child)) {
      const ended = once(child, 'exit');
      child.kill('SIGQUIT');
      await ended;
    }
    this.#child = null;
  }

  async close(): Promise<void> {
    await this.crash();
    await rm(this.#folder, { recursive: true, force: true });
  }

  #urlOf(database: string): string {
    return `postgres://${USER}@127.0.0.1:${this.#port}/${database}`;
  }

  async #ready(child: ChildProcess): Promise<void> {
    const deadline = performance.now() + READY_TIMEOUT_MS;
    for (;;) {
      if (hasEnded(child)) throw new Error(`postgres ended with ${child.exitCode ?? 'a signal'}`);
      const client = new Client({ connectionString: this.#urlOf('postgres') });
      // A server that goes away meanwhile tells the client so once more.
      client.on('error', () => undefined);
      try {
        await client.connect();
        return;
      } catch (error) {
        if (performance.now() > deadline) throw error;
      } finally {
        await client.end().catch(() => undefined);
      }
      await delay(POLL_MS);
    }
  }
}

/** A data folder as initdb leaves it; it takes a second or two, so it is made once and copied. */
async function dataTemplate(programs: string): Promise<string> {
  const { stdout } = await run(join(programs, 'postgres'), ['--version']);
  const template = join(CACHE, `postgres-${/[0-9.]+/.exec(stdout)?.[0] ?? 'data'}`);
  if (existsSync(template)) return template;
  const folder = await mkdtemp(join(tmpdir(), 'flotilla-postgres-'));
  try {
    await ownedByServer(folder);
    const initdb = [
      join(programs, 'initdb'),
      ...['-D', join(folder, 'data'), '-U', USER, '--auth=trust', '--no-sync'],
      ...['--encoding=UTF8', '--locale=C', '--wal-segsize=1'],
    ];
    const [command = '', ...args] = [...asServerUser(), ...initdb];
    await run(command, args);
    await mkdir(CACHE, { recursive: true });
    const loading = await mkdtemp(join(CACHE, 'postgres-loading-'));
    await cp(join(folder, 'data'), loading, { recursive: true });
    // Another process may have been faster; a folder appears only when it is complete.
    await rename(loading, template).catch(() => rm(loading, { recursive: true, force: true }));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return template;
}

/** The server refuses to run as root. */
function asServerUser(): string[] {
  if (process.getuid?.() !== 0) return [];
  return ['setpriv', '--reuid=postgres', '--regid=postgres', '--clear-groups'];
}

async function ownedByServer(folder: string): Promise<void> {
  if (process.getuid?.() === 0) await run('chown', ['-R', 'postgres:postgres', folder]);
  const data = join(folder, 'data');
  if (existsSync(data)) await run('chmod', ['700', data]);
}

/** On Linux the kernel ends the server with us, even when we are killed; elsewhere at our exit. */
function spawnTied(program: string, args: readonly string[], output: number): ChildProcess {
  const tie = process.platform === 'linux' ? ['setpriv', '--pdeathsig', 'QUIT'] : [];
  const user = asServerUser();
  const prefix = user.length === 0 ? tie : [...user, '--pdeathsig', 'QUIT'];
  const [command = program, ...rest] = [...prefix, program, ...args];
  const child = spawn(command, rest, { stdio: ['ignore', output, output], cwd: tmpdir() });
  const onExit = () => child.kill('SIGQUIT');
  process.once('exit', onExit);
  child.once('exit', () => process.removeListener('exit', onExit));
  // A command that is not there shows as an exit in #ready.
  child.once('error', () => child.emit('exit', 127, null));
  return child;
}

function hasEnded(child: ChildProcess): boolean {
  return child.pid === undefined || child.exitCode !== null || child.signalCode !== null;
}

/** The server must be told its port, so a free one is found by binding it once. */
async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
