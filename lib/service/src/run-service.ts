import { createLogger, type Logger } from './logger.ts';
import { ConfigError } from './config.ts';

/** What a started service offers: where it listens, and how to stop it. */
export interface RunningService {
  /** Name → URL, e.g. `{ http: 'http://127.0.0.1:8080' }`; sent to a parent process when ready. */
  readonly addresses: Readonly<Record<string, string>>;
  /** Drains and closes; called once. */
  stop(): Promise<void>;
}

/** Message a service sends its parent over IPC once it serves. */
export interface ReadyMessage {
  readonly type: 'ready';
  readonly name: string;
  readonly addresses: Readonly<Record<string, string>>;
}

const STOP_TIMEOUT_MS = 10_000;

/**
 * Runs a service as a process: starts it, tells the parent, stops on SIGTERM, SIGINT or when the
 * parent is gone. Exit codes: 0 stopped on request, 1 fault, 2 bad configuration.
 */
export async function runService(
  name: string,
  start: (logger: Logger) => Promise<RunningService>,
): Promise<void> {
  const logger = createLogger(name, 'info');
  let running: RunningService | undefined;
  let stopping = false;
  const stop = (why: string) => {
    if (stopping) return;
    stopping = true;
    logger.info({ why }, 'stopping');
    setTimeout(() => process.exit(1), STOP_TIMEOUT_MS).unref();
    void (running?.stop() ?? Promise.resolve()).then(
      () => process.exit(0),
      (err: unknown) => {
        logger.error({ err }, 'stop failed');
        process.exit(1);
      },
    );
  };
  process.once('SIGTERM', () => stop('SIGTERM'));
  process.once('SIGINT', () => stop('SIGINT'));
  process.once('disconnect', () => stop('parent gone'));
  process.once('uncaughtException', (err) => {
    logger.fatal({ err }, 'uncaught exception');
    process.exit(1);
  });
  try {
    running = await start(logger);
  } catch (err) {
    if (err instanceof ConfigError) logger.fatal(err.message);
    else logger.fatal({ err }, 'start failed');
    process.exit(err instanceof ConfigError ? 2 : 1);
  }
  logger.info({ addresses: running.addresses }, 'ready');
  const message: ReadyMessage = { type: 'ready', name, addresses: running.addresses };
  process.send?.(message);
}
