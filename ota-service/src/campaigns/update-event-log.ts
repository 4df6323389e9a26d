import type { ReadableLogRecord } from '@opentelemetry/sdk-logs';
import { ProtobufLogsSerializer } from '@opentelemetry/otlp-transformer';
import { resourceFromAttributes } from '@opentelemetry/resources';
import {
  ATTR_DEVICE_ID,
  ATTR_DEVICE_MODEL,
  ATTR_SERVICE_NAME,
  EVENT_UPDATE,
  HEADER_BATCH_ID,
  HEADER_DEVICE_ID,
  HEADER_RECEIVED_AT,
  SERVICE_NAME_OTA,
  TOPIC_LOGS,
  updateEventAttributes,
  updateEventBody,
  type UpdateReport,
} from '@flotilla/contracts';
import type { EventLog } from '@flotilla/event-log';
import { stableUuid } from '../stable-uuid.ts';

const SCOPE = { name: '@flotilla/ota-service' };

/**
 * Writes a report to the log as the telemetry it would have been, so the warehouse learns of it also
 * when the device's own telemetry is late. Durable when it resolves; the batch id is the report's,
 * so a repeat is dropped on the way.
 */
export async function publishUpdateEvent(
  eventLog: EventLog,
  device: { readonly id: string; readonly model: string },
  report: UpdateReport,
  nowMs: number,
): Promise<void> {
  const value = ProtobufLogsSerializer.serializeRequest([logRecordOf(device, report, nowMs)]);
  if (value === undefined) throw new Error(`report ${report.reportId} could not be serialised`);
  const headers = {
    [HEADER_DEVICE_ID]: device.id,
    [HEADER_BATCH_ID]: `report:${report.reportId}`,
    [HEADER_RECEIVED_AT]: new Date(nowMs).toISOString(),
  };
  await eventLog.append(TOPIC_LOGS, [{ key: device.id, value, headers }]);
}

function logRecordOf(
  device: { readonly id: string; readonly model: string },
  report: UpdateReport,
  nowMs: number,
): ReadableLogRecord {
  return {
    hrTime: hrTimeOf(Date.parse(report.occurredAt)),
    hrTimeObserved: hrTimeOf(nowMs),
    eventName: EVENT_UPDATE,
    body: updateEventBody(report),
    attributes: updateEventAttributes(report),
    droppedAttributesCount: 0,
    instrumentationScope: SCOPE,
    resource: resourceFromAttributes({
      [ATTR_DEVICE_ID]: device.id,
      [ATTR_DEVICE_MODEL]: device.model,
      [ATTR_SERVICE_NAME]: SERVICE_NAME_OTA,
    }),
  };
}

/** Whole seconds and the nanoseconds beside them. */
function hrTimeOf(ms: number): [number, number] {
  const seconds = Math.floor(ms / 1000);
  return [seconds, Math.round((ms - seconds * 1000) * 1e6)];
}

/**
 * Id of the report that says an update was offered: the same for every repeat, so it counts once.
 */
export function offeredReportId(campaignId: string, deviceId: string, round: number): string {
  return stableUuid(`offered\n${campaignId}\n${deviceId}\n${round}`);
}
