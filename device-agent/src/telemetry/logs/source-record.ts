import { basename } from 'node:path';
import { ATTR_LOG_TRUNCATED } from '@flotilla/contracts';
import { ROOT_CONTEXT, trace, TraceFlags, type Context, type LogRecord } from '@opentelemetry/api';
import {
  ATTR_LOG_FILE_NAME,
  ATTR_LOG_FILE_PATH,
  ATTR_LOG_RECORD_UID,
} from '@opentelemetry/semantic-conventions/incubating';
import { parseLogLine, type LogFormat, type ParsedLine } from '../domain/parse-log-line.ts';
import { severityRange } from '../domain/log-severity.ts';
import type { SplitRecord } from '../domain/split-records.ts';
import type { SourceRecord } from './log-sink.ts';

export interface FileRecordOptions {
  readonly path: string;
  readonly fileId: string;
  readonly format: LogFormat;
  /** Field that samples its like together when there is no trace id. */
  readonly sampleBy: string | null;
}

/**
 * A line of a followed file under the names of the OTel log conventions. `log.record.uid` is the same
 * whenever the same line is read, so that a repeat after a kill can be told.
 */
export function fileRecord(
  split: SplitRecord,
  { path, fileId, format, sampleBy }: FileRecordOptions,
  nowMs: number,
): SourceRecord {
  const parsed = parseLogLine(split.text, format);
  const key = sampleBy === null ? undefined : parsed.attributes[sampleBy];
  return {
    rateKey: path,
    sampleKey: parsed.traceId ?? (key === undefined ? null : String(key)),
    record: recordOf(
      parsed,
      {
        ...parsed.attributes,
        [ATTR_LOG_FILE_PATH]: path,
        [ATTR_LOG_FILE_NAME]: basename(path),
        [ATTR_LOG_RECORD_UID]: `${fileId}:${split.offset}`,
        ...(split.truncated && { [ATTR_LOG_TRUNCATED]: true }),
      },
      nowMs,
    ),
  };
}

export function recordOf(
  parsed: ParsedLine,
  attributes: Record<string, string | number | boolean>,
  nowMs: number,
): LogRecord {
  const { severityNumber, severityText, timestampMs, body } = parsed;
  const context = contextOf(parsed);
  return {
    // Dates, since the SDK takes a small number for a reading of performance.now().
    timestamp: new Date(timestampMs ?? nowMs),
    observedTimestamp: new Date(nowMs),
    ...(severityNumber > 0 && {
      // eslint-disable-next-line @typescript-eslint/no-unsafe-enum-assignment -- numbers of the same model
      severityNumber,
      severityText:
        severityText === '' ? severityRange(severityNumber).toUpperCase() : severityText,
    }),
    body,
    attributes,
    ...(context !== null && { context }),
  };
}

/** The SDK takes trace and span id from a context, and only both together. */
function contextOf({ traceId, spanId }: ParsedLine): Context | null {
  if (traceId === null || spanId === null) return null;
  return trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags: TraceFlags.NONE });
}
