import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import { ATTR_LOG_TRUNCATED, ATTR_SERVICE_VERSION } from '@flotilla/contracts';
import { ROOT_CONTEXT, trace, TraceFlags, type Context, type LogRecord } from '@opentelemetry/api';
import {
  ATTR_LOG_FILE_NAME,
  ATTR_LOG_FILE_PATH,
  ATTR_LOG_IOSTREAM,
  ATTR_LOG_RECORD_UID,
} from '@opentelemetry/semantic-conventions/incubating';
import { parseLogLine, type LogFormat, type ParsedLine } from '../domain/parse-log-line.ts';
import type { FirmwareLine } from '../device-telemetry.ts';
import { SEVERITY, severityRange } from '../domain/log-severity.ts';
import type { SplitRecord } from '../domain/split-records.ts';
import type { SourceRecord } from './log-sink.ts';

export interface FileRecordOptions {
  readonly path: string;
  readonly fileId: string;
  readonly format: LogFormat;
  /** Field that samples its like together when there is no trace id. */
  readonly sampleBy: string | null;
}

/** A line of a followed file under the names of the OTel log conventions. */
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
        [ATTR_LOG_RECORD_UID]: uidOf(fileId, split),
        ...(split.truncated && { [ATTR_LOG_TRUNCATED]: true }),
      },
      nowMs,
    ),
  };
}

/** What the output of the firmware counts as when the line names no level. */
const OUTPUT_SEVERITY = { stdout: SEVERITY.info, stderr: SEVERITY.warn };

export function outputRecord(
  { stream, text, truncated, version }: FirmwareLine,
  nowMs: number,
): SourceRecord {
  const parsed = parseLogLine(text, 'json');
  const severityNumber =
    parsed.severityNumber > 0 ? parsed.severityNumber : OUTPUT_SEVERITY[stream];
  return {
    rateKey: stream,
    sampleKey: parsed.traceId,
    record: recordOf(
      { ...parsed, severityNumber },
      {
        ...parsed.attributes,
        [ATTR_LOG_IOSTREAM]: stream,
        [ATTR_SERVICE_VERSION]: version,
        ...(truncated && { [ATTR_LOG_TRUNCATED]: true }),
      },
      nowMs,
    ),
  };
}

/** Of the text too, since a truncated file holds another line at the same place. */
function uidOf(fileId: string, { offset, text }: SplitRecord): string {
  const hash = createHash('sha256').update(`${fileId}:${offset}:${text}`);
  return hash.digest('base64url').slice(0, 22);
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
