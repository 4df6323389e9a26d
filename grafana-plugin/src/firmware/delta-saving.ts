import type { DeltaView, FirmwareView } from '@flotilla/contracts';

export interface DeltaSaving {
  readonly sizeBytes: number;
  /** Share of the full transfer that stays off the network; negative when the delta is larger. */
  readonly savedShare: number;
  /** Length of the delta's bar beside the full transfer's, 0 to 100. */
  readonly barPercent: number;
}

/** Null until the delta is ready. */
export function deltaSaving(
  firmware: Pick<FirmwareView, 'fullTransferBytes'>,
  delta: DeltaView,
): DeltaSaving | null {
  if (delta.state !== 'ready' || delta.sizeBytes === null) return null;
  const ratio = delta.sizeBytes / Math.max(1, firmware.fullTransferBytes);
  return {
    sizeBytes: delta.sizeBytes,
    savedShare: 1 - ratio,
    barPercent: Math.min(100, ratio * 100),
  };
}
