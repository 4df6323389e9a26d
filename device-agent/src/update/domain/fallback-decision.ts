import type { UpdateReason } from '@flotilla/contracts';

/** Faults of the patch itself; a full disk or a withdrawn offer would meet the full image as well. */
const DELTA_FAULTS: ReadonlySet<UpdateReason> = new Set([
  'delta_invalid',
  'delta_base_mismatch',
  'download_failed',
]);

/** Whether the full image may follow a delta that failed: only within what it may cost the network. */
export function decideFallback(failed: {
  readonly reason: UpdateReason;
  readonly fullBytes: number;
  readonly maxBytes: number;
}): boolean {
  return DELTA_FAULTS.has(failed.reason) && failed.fullBytes <= failed.maxBytes;
}
