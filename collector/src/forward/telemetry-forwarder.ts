import { hash } from 'node:crypto';
import {
  HEADER_BATCH_ID,
  HEADER_CLOCK_OFFSET_MS,
  HEADER_DEVICE_ID,
  HEADER_RECEIVED_AT,
} from '@flotilla/contracts';
import { LogFullError, type EventLog, type LogRecord } from '@flotilla/event-log';
import { ProblemError, type Logger } from '@flotilla/service';
import type { CollectorMetrics } from '../collector-metrics.ts';
import type { Signal, Telemetry } from '../receive/export-request.ts';

/** Consumers need a moment to free room; shorter retries would only add load. */
const RETRY_WHEN_FULL_SECONDS = 5;
const RETRY_WHEN_UNAVAILABLE_SECONDS = 2;

export interface ForwarderParts {
  readonly log: EventLog;
  readonly metrics: CollectorMetrics;
  readonly logger: Logger;
  readonly clock: () => number;
}

/** Hands admitted requests to the log. */
export class TelemetryForwarder {
  readonly #parts: ForwarderParts;
  /** So that an outage is two lines in the log, not one per request. */
  #failing = false;
  /** Thousands of requests share a millisecond's text. */
  #receivedAt = { ms: 0, text: '' };

  constructor(parts: ForwarderParts) {
    this.#parts = parts;
  }

  /** Resolves once all parts are on disk, one record each; otherwise throws ProblemError `unavailable`. */
  async forward(signal: Signal, parts: readonly Telemetry[]): Promise<void> {
    const { log, metrics, clock } = this.#parts;
    const receivedAt = this.#textOf(clock());
    const records = parts.map((part) => toRecord(part, receivedAt));
    const observe = metrics.startAppend();
    try {
      await log.append(signal.topic, records);
    } catch (cause) {
      throw this.#refusal(cause);
    }
    observe();
    for (const { body } of parts) metrics.countBytes(signal.signal, body.byteLength);
    this.#recovered();
  }

  #textOf(ms: number): string {
    if (ms !== this.#receivedAt.ms) {
      this.#receivedAt = { ms, text: new Date(ms).toISOString() };
    }
    return this.#receivedAt.text;
  }

  #refusal(cause: unknown): ProblemError {
    const full = cause instanceof LogFullError;
    if (!this.#failing) {
      this.#failing = true;
      this.#parts.logger.error({ err: cause }, 'the event log takes nothing now');
    }
    return new ProblemError('unavailable', {
      detail: full ? 'the event log is full' : 'the event log cannot be written now',
      retryAfterSeconds: full ? RETRY_WHEN_FULL_SECONDS : RETRY_WHEN_UNAVAILABLE_SECONDS,
      cause,
    });
  }

  #recovered(): void {
    if (!this.#failing) return;
    this.#failing = false;
    this.#parts.logger.info('the event log takes records again');
  }
}

function toRecord(part: Telemetry, receivedAt: string): LogRecord {
  const { deviceId, batchId, body, clockOffsetMs } = part;
  const headers: Record<string, string> = {
    [HEADER_DEVICE_ID]: deviceId,
    [HEADER_BATCH_ID]: batchId ?? contentId(body),
    [HEADER_RECEIVED_AT]: receivedAt,
  };
  if (clockOffsetMs !== undefined) headers[HEADER_CLOCK_OFFSET_MS] = String(clockOffsetMs);
  return { key: deviceId, value: body, headers };
}

/**
 * OTLP exporters name no batch, yet repeat a request whose answer got lost. The repeat has the same
 * bytes, and other points have other times, so the bytes are its name. Where a sender has no clock the
 * body holds the time of arrival by now, and every request is one of its own.
 */
function contentId(body: Uint8Array): string {
  return `sha256-${hash('sha256', body, 'base64url')}`;
}
