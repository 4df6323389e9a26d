import { UPDATE_STATES, isFinal, type UpdateReport, type UpdateState } from '@flotilla/contracts';

/** What the registry remembers of one (campaign, device, round). */
export interface AttemptState {
  readonly state: UpdateState;
  readonly reason: string | null;
  readonly detail: string | null;
  readonly fromVersion: string | null;
  readonly transferBytes: number;
  readonly usedDelta: boolean;
}

/**
 * Reports arrive late, twice and out of order. States only rise, and the first final one stays; a
 * device that was silent past its deadline has no final state here, so its late outcome is taken.
 * Returns null when the report changes nothing.
 */
export function applyReport(current: AttemptState, report: UpdateReport): AttemptState | null {
  const rises = UPDATE_STATES.indexOf(report.state) > UPDATE_STATES.indexOf(current.state);
  if (isFinal(current.state) || !rises) return null;
  return {
    state: report.state,
    reason: report.reason ?? null,
    detail: report.detail ?? null,
    fromVersion: report.fromVersion ?? current.fromVersion,
    transferBytes: Math.max(current.transferBytes, report.transferBytes),
    usedDelta: current.usedDelta || report.usedDelta,
  };
}
