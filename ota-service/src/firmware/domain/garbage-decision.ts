import type { FirmwareState, GarbageReason } from '@flotilla/contracts';

export interface StoredFirmware {
  readonly id: string;
  readonly state: FirmwareState;
  readonly sha256: string;
  /** Of what a whole transfer serves; the artifact's own when it is served as it is. */
  readonly fullSha256: string;
  readonly withdrawnAtMs: number | null;
}

export interface StoredDelta {
  readonly baseSha256: string;
  readonly targetSha256: string;
  readonly isPending: boolean;
  /** Of the delta's own bytes; null while there are none. */
  readonly sha256: string | null;
}

export interface StoredBytes {
  readonly sha256: string;
  readonly sizeBytes: number;
  readonly modifiedAtMs: number;
}

export interface GarbageState {
  readonly stored: readonly StoredBytes[];
  readonly firmware: readonly StoredFirmware[];
  readonly deltas: readonly StoredDelta[];
  /** Digests that devices run, or ran before and may roll back to. */
  readonly onDevices: ReadonlySet<string>;
}

export interface GarbageDecision {
  /** Withdrawn firmware whose bytes are given up. */
  readonly firmwareIds: readonly string[];
  /** Rows that no device can use any more. */
  readonly deltas: readonly StoredDelta[];
  readonly artifacts: readonly (StoredBytes & { readonly reason: GarbageReason })[];
  readonly keptCount: number;
}

/**
 * What nothing needs. Needed is every draft and release in both its forms; the bytes of a withdrawn
 * version for as long as a device has it in a slot, for its next update may be a delta from there;
 * every delta towards a draft or release from a base that is one or is on a device; and both ends of
 * a delta that is still to be computed. Whatever changed within the grace period stays, and so do
 * bytes that a row has yet to name.
 */
export function decideGarbage(
  state: GarbageState,
  graceMs: number,
  nowMs: number,
): GarbageDecision {
  const limitMs = nowMs - graceMs;
  const isLive = ({ state: is, withdrawnAtMs }: StoredFirmware): boolean =>
    is !== 'withdrawn' || (withdrawnAtMs ?? nowMs) > limitMs;
  const live = state.firmware.filter(isLive);
  const targets = new Set(live.map(({ sha256 }) => sha256));
  const bases = new Set([...targets, ...state.onDevices]);
  const isUsable = (delta: StoredDelta): boolean =>
    targets.has(delta.targetSha256) && (delta.isPending || bases.has(delta.baseSha256));
  const [usable, unusable] = partition(state.deltas, isUsable);

  const needed = new Set(live.flatMap(({ sha256, fullSha256 }) => [sha256, fullSha256]));
  for (const { sha256 } of state.firmware) if (state.onDevices.has(sha256)) needed.add(sha256);
  for (const { sha256, isPending, baseSha256, targetSha256 } of usable) {
    if (sha256 !== null) needed.add(sha256);
    if (isPending) needed.add(baseSha256).add(targetSha256);
  }

  const reasons = new Map<string, GarbageReason>();
  for (const { sha256 } of unusable) if (sha256 !== null) reasons.set(sha256, 'delta_unused');
  for (const { sha256, fullSha256 } of state.firmware) {
    reasons.set(sha256, 'withdrawn').set(fullSha256, 'withdrawn');
  }
  const isGarbage = ({ sha256, modifiedAtMs }: StoredBytes): boolean =>
    !needed.has(sha256) && modifiedAtMs <= limitMs;
  const [garbage, kept] = partition(state.stored, isGarbage);
  const going = new Set(garbage.map(({ sha256 }) => sha256));
  return {
    firmwareIds: state.firmware.filter(({ sha256 }) => going.has(sha256)).map(({ id }) => id),
    deltas: unusable,
    artifacts: garbage.map((artifact) => ({
      ...artifact,
      reason: reasons.get(artifact.sha256) ?? 'unreferenced',
    })),
    keptCount: kept.length,
  };
}

function partition<T>(items: readonly T[], matches: (item: T) => boolean): [T[], T[]] {
  const groups = Map.groupBy(items, matches);
  return [groups.get(true) ?? [], groups.get(false) ?? []];
}
