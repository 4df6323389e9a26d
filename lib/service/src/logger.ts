import { destination, pino, type Logger } from 'pino';

export type { Logger } from 'pino';

export const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;

/** JSON lines on standard error, written at once so that a crash loses none. */
export function createLogger(name: string, level: (typeof LOG_LEVELS)[number] = 'info'): Logger {
  return pino(
    { name, level, redact: ['*.token', '*.authorization', 'req.headers.authorization'] },
    destination({ fd: 2, sync: true }),
  );
}
