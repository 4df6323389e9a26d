/** A device waits this long after a release for its delta, then takes the whole artifact. */
const DELTA_PATIENCE_MS = 2 * 60_000;

interface ReadyDelta {
  readonly sha256: string;
  readonly sizeBytes: number;
  readonly codec: string;
}

/** What is known of the delta from a device's running artifact to the offered one. */
export type DeltaStatus =
  | { readonly state: 'pending' }
  | ({ readonly state: 'ready' } & ReadyDelta)
  | { readonly state: 'none' };

export type TransferChoice =
  { readonly kind: 'wait' } | { readonly kind: 'full' } | ({ readonly kind: 'delta' } & ReadyDelta);

/**
 * How the offered firmware shall travel. Waiting for a delta spares the network, but a stuck delta
 * job must not hold a fleet back.
 */
export function chooseTransfer(
  delta: DeltaStatus,
  releasedAtMs: number,
  nowMs: number,
): TransferChoice {
  if (delta.state === 'ready') {
    const { sha256, sizeBytes, codec } = delta;
    return { kind: 'delta', sha256, sizeBytes, codec };
  }
  if (delta.state === 'pending' && nowMs - releasedAtMs < DELTA_PATIENCE_MS) {
    return { kind: 'wait' };
  }
  return { kind: 'full' };
}
