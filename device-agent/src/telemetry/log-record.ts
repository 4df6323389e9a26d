import {
  EVENT_FIRMWARE_CRASH,
  EVENT_UPDATE,
  updateEventAttributes,
  updateEventBody,
  type UpdateReport,
  type UpdateState,
} from '@flotilla/contracts';
import { SeverityNumber, type LogRecord } from '@opentelemetry/api';
import { ATTR_ERROR_TYPE } from '@opentelemetry/semantic-conventions';
import { ATTR_PROCESS_EXIT_CODE } from '@opentelemetry/semantic-conventions/incubating';
import type { DeviceTelemetry, Severity } from './device-telemetry.ts';

/** Longer lines are cut: one runaway line must not push hours of telemetry out of the queue. */
const MAX_BODY_CHARS = 16_384;

const SEVERITY_NUMBERS: Readonly<Record<Severity, SeverityNumber>> = {
  debug: SeverityNumber.DEBUG,
  info: SeverityNumber.INFO,
  warn: SeverityNumber.WARN,
  error: SeverityNumber.ERROR,
  fatal: SeverityNumber.FATAL,
};

const UPDATE_SEVERITIES: Readonly<Partial<Record<UpdateState, Severity>>> = {
  rolled_back: 'error',
  failed: 'warn',
};

export type FirmwareCrash = Parameters<DeviceTelemetry['recordFirmwareCrash']>[0];

export function plainLogRecord(
  severity: Severity,
  body: string,
  attributes: Record<string, string | number | boolean>,
  nowMs: number,
): LogRecord {
  return {
    ...severityFields(severity),
    // A Date, since the SDK takes a small number for a reading of performance.now().
    timestamp: new Date(nowMs),
    observedTimestamp: new Date(nowMs),
    body: body.length > MAX_BODY_CHARS ? `${body.slice(0, MAX_BODY_CHARS)}… (cut)` : body,
    attributes,
  };
}

/**
 * The `flotilla.update` event. An update that never booted is a warning; one that had to be left
 * after it booted is an error: the device was at stake.
 */
export function updateLogRecord(report: UpdateReport, nowMs: number): LogRecord {
  return {
    ...severityFields(UPDATE_SEVERITIES[report.state] ?? 'info'),
    eventName: EVENT_UPDATE,
    timestamp: new Date(report.occurredAt),
    observedTimestamp: new Date(nowMs),
    body: updateEventBody(report),
    attributes: updateEventAttributes(report),
  };
}

export function crashLogRecord(crash: FirmwareCrash, nowMs: number): LogRecord {
  const how = crash.signal === null ? `code ${crash.exitCode ?? 'unknown'}` : crash.signal;
  return {
    ...plainLogRecord(
      'error',
      `firmware ${crash.version} ended by itself after ${crash.uptimeMs} ms: ${how}`,
      {
        [ATTR_ERROR_TYPE]: crash.signal ?? `exit_code_${crash.exitCode ?? 'unknown'}`,
        ...(crash.exitCode !== null && { [ATTR_PROCESS_EXIT_CODE]: crash.exitCode }),
      },
      nowMs,
    ),
    eventName: EVENT_FIRMWARE_CRASH,
  };
}

function severityFields(severity: Severity) {
  return { severityNumber: SEVERITY_NUMBERS[severity], severityText: severity.toUpperCase() };
}
