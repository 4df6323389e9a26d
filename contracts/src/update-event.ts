import {
  ATTR_CAMPAIGN_ID,
  ATTR_CAMPAIGN_PHASE,
  ATTR_CAMPAIGN_ROUND,
  ATTR_REPORT_ID,
  ATTR_UPDATE_FROM_VERSION,
  ATTR_UPDATE_OUTCOME,
  ATTR_UPDATE_REASON,
  ATTR_UPDATE_STATE,
  ATTR_UPDATE_TO_VERSION,
  ATTR_UPDATE_TRANSFER_BYTES,
  ATTR_UPDATE_USED_DELTA,
} from './attributes.ts';
import { isFinal, type UpdateReport } from './update-report.ts';

/**
 * Attributes of the log record (EventName `flotilla.update`) that carries a report. The agent and
 * ota-service both write it, so the warehouse sees a report twice and counts it once by its id.
 */
export function updateEventAttributes(
  report: UpdateReport,
): Record<string, string | number | boolean> {
  return {
    [ATTR_REPORT_ID]: report.reportId,
    [ATTR_CAMPAIGN_ID]: report.campaignId,
    [ATTR_CAMPAIGN_PHASE]: report.phase,
    [ATTR_CAMPAIGN_ROUND]: report.round,
    [ATTR_UPDATE_STATE]: report.state,
    [ATTR_UPDATE_TO_VERSION]: report.toVersion,
    [ATTR_UPDATE_TRANSFER_BYTES]: report.transferBytes,
    [ATTR_UPDATE_USED_DELTA]: report.usedDelta,
    ...(isFinal(report.state) && { [ATTR_UPDATE_OUTCOME]: report.state }),
    ...(report.reason !== undefined && { [ATTR_UPDATE_REASON]: report.reason }),
    ...(report.fromVersion !== null && { [ATTR_UPDATE_FROM_VERSION]: report.fromVersion }),
  };
}

/** Body text of that record. */
export function updateEventBody(report: UpdateReport): string {
  const what = `update ${report.fromVersion ?? 'none'} -> ${report.toVersion}: ${report.state}`;
  return report.detail === undefined ? what : `${what} (${report.detail})`;
}
