import type { Logger } from '@flotilla/service';
import { DiagLogLevel, diag } from '@opentelemetry/api';

/** Sends what the SDK complains about to our log; by default it tells nobody. Process-wide. */
export function logSdkDiagnostics(logger: Logger): void {
  const ignore = () => undefined;
  diag.setLogger(
    {
      error: (message, ...details) => logger.error({ details }, message),
      warn: (message, ...details) => logger.warn({ details }, message),
      info: ignore,
      debug: ignore,
      verbose: ignore,
    },
    { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true },
  );
}
