import { LogFullError, LogUnavailableError } from '@flotilla/event-log';
import { ProblemError } from '@flotilla/service';

const LOG_RETRY_SECONDS = 10;

/**
 * Passes on what the work answers. Where the telemetry log refused to take a record, throws
 * ProblemError `unavailable` with the time to wait: nothing is lost, the device asks again.
 */
export async function retryWhenLogTakesNothing<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof LogFullError || error instanceof LogUnavailableError)) throw error;
    throw new ProblemError('unavailable', {
      detail: 'the telemetry log takes nothing now; send the request again',
      retryAfterSeconds: LOG_RETRY_SECONDS,
      cause: error,
    });
  }
}
