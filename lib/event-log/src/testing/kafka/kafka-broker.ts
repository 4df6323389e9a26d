import { Admin } from '@platformatic/kafka';
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { kafkaJars, KAFKA_VERSION } from './kafka-jars.ts';
import { serverProperties, type BrokerPorts, type SecuredListener } from './server-properties.ts';

/** A machine with other work gives a JVM its ten CPU seconds slowly. */
const READY_TIMEOUT_MS = 150_000;
const POLL_MS = 100;
/** Quick to start and small: a test's broker lives for seconds. A bench gives its own. */
const TEST_JVM_OPTIONS = ['-Xms128m', '-Xmx400m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1'];

export interface KafkaBrokerOptions {
  /** An existing folder for data, configuration and the broker's output; the caller removes it. */
  readonly folder: string;
  readonly version?: string;
  readonly jvmOptions?: readonly string[];
  /** Lines of server.properties beside or instead of ours. */
  readonly properties?: Readonly<Record<string, string>>;
  readonly secured?: SecuredListener;
  /** How long a start may take. */
  readonly readyTimeoutMs?: number;
}

/** A real single-node Apache Kafka (KRaft) in a process of its own, on free ports of 127.0.0.1. */
export interface KafkaBroker {
  /** `host:port` without authentication. */
  readonly bootstrap: string;
  /** `kafka://host:port/` for openEventLog. */
  readonly url: string;
  /** `host:port` of the listener that asks for a user, when `secured` was given. */
  readonly securedBootstrap: string;
  /** Of the process that runs now; changes at a restart. */
  readonly pid: number;
  /** Stops it in order (SIGTERM). Safe to call twice. */
  stop(): Promise<void>;
  /** SIGKILL; resolves when the process is gone. */
  kill(): Promise<void>;
  /** Starts it again on the same data and ports; resolves when it answers. */
  restart(): Promise<void>;
}

/** Resolves when the broker answers a metadata request; rejects with its output when it does not. */
export async function startKafkaBroker(options: KafkaBrokerOptions): Promise<KafkaBroker> {
  const jars = join(await kafkaJars(options.version ?? KAFKA_VERSION), '*');
  const [open, controller, secured] = await freePorts();
  const ports = { open, controller, secured };
  const dataFolder = join(options.folder, 'data');
  const configFile = join(options.folder, 'server.properties');
  await mkdir(dataFolder, { recursive: true });
  await writeFile(
    configFile,
    serverProperties(dataFolder, ports, options.secured, options.properties ?? {}),
  );
  const scram = Object.entries(options.secured?.users ?? {}).flatMap(([name, password]) => [
    '--add-scram',
    `SCRAM-SHA-256=[name=${name},password=${password}]`,
  ]);
  await promisify(execFile)('java', [
    ...['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-cp', jars, 'kafka.tools.StorageTool'],
    ...['format', '--cluster-id', 'flotilla-test-cluster0', '--config', configFile, ...scram],
  ]);
  const broker = new BrokerProcess(options, jars, configFile, ports);
  await broker.restart();
  return broker;
}

class BrokerProcess implements KafkaBroker {
  readonly bootstrap: string;
  readonly securedBootstrap: string;
  readonly url: string;
  readonly #options: KafkaBrokerOptions;
  readonly #jars: string;
  readonly #configFile: string;
  #child: ChildProcess | null = null;

  constructor(options: KafkaBrokerOptions, jars: string, configFile: string, ports: BrokerPorts) {
    this.#options = options;
    this.#jars = jars;
    this.#configFile = configFile;
    this.bootstrap = `127.0.0.1:${ports.open}`;
    this.securedBootstrap = `127.0.0.1:${ports.secured}`;
    this.url = `kafka://${this.bootstrap}/`;
  }

  get pid(): number {
    if (this.#child?.pid === undefined) throw new Error('the broker does not run');
    return this.#child.pid;
  }

  async restart(): Promise<void> {
    if (this.#child !== null) throw new Error('the broker still runs');
    const outputFile = join(this.#options.folder, 'output.log');
    const output = openSync(outputFile, 'a');
    const args = [
      ...(this.#options.jvmOptions ?? TEST_JVM_OPTIONS),
      '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn',
      ...['-cp', this.#jars, 'kafka.Kafka', this.#configFile],
    ];
    this.#child = spawnTied('java', args, output);
    closeSync(output);
    try {
      await this.#ready(this.#child);
    } catch (cause) {
      await this.kill();
      const said = (await readFile(outputFile, 'utf8')).slice(-4_000);
      throw new Error(`the Kafka broker did not start; it said: ${said}`, { cause });
    }
  }

  stop(): Promise<void> {
    return this.#end('SIGTERM');
  }

  kill(): Promise<void> {
    return this.#end('SIGKILL');
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    if (child === null) return;
    if (!hasEnded(child)) {
      const ended = once(child, 'exit');
      child.kill(signal);
      await ended;
    }
    this.#child = null;
  }

  async #ready(child: ChildProcess): Promise<void> {
    const deadline = performance.now() + (this.#options.readyTimeoutMs ?? READY_TIMEOUT_MS);
    for (;;) {
      if (hasEnded(child)) throw new Error(`java ended with ${child.exitCode ?? 'a signal'}`);
      const admin = new Admin({
        clientId: 'ready',
        bootstrapBrokers: [this.bootstrap],
        retries: 0,
        connectTimeout: 2_000,
      });
      try {
        const { brokers } = await admin.metadata({ topics: [] });
        if (brokers.size > 0) return;
      } catch (error) {
        if (performance.now() > deadline) throw error;
      } finally {
        await admin.close();
      }
      await delay(POLL_MS);
    }
  }
}

/** On Linux the kernel ends the broker with us, even when we are killed; elsewhere at our exit. */
function spawnTied(command: string, args: readonly string[], output: number): ChildProcess {
  const stdio = ['ignore', output, output] as const;
  const child =
    process.platform === 'linux'
      ? spawn('setpriv', ['--pdeathsig', 'KILL', command, ...args], { stdio: [...stdio] })
      : spawn(command, args, { stdio: [...stdio] });
  const onExit = () => child.kill('SIGKILL');
  process.once('exit', onExit);
  child.once('exit', () => process.removeListener('exit', onExit));
  // A command that is not there shows as an exit in #ready.
  child.once('error', () => child.emit('exit', 127, null));
  return child;
}

function hasEnded(child: ChildProcess): boolean {
  return child.pid === undefined || child.exitCode !== null || child.signalCode !== null;
}

/** Kafka must know its ports before it binds them, so they are found by binding them once. */
async function freePorts(): Promise<[number, number, number]> {
  const servers = [createServer(), createServer(), createServer()] as const;
  const listening = servers.map(async (server) => {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  });
  const [open = 0, controller = 0, secured = 0] = await Promise.all(listening);
  await Promise.all(
    servers.map(async (server) => {
      server.close();
      await once(server, 'close');
    }),
  );
  return [open, controller, secured];
}
