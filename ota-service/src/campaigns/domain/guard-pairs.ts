/** A device that runs the new version, and since when; milliseconds since the epoch. */
export interface SampledDevice {
  readonly id: string;
  readonly updatedAtMs: number;
}

export interface ControlCandidate {
  readonly id: string;
  /** Null: not offered the update. */
  readonly offeredAtMs: number | null;
}

export interface ControlPool {
  readonly groupOf: ReadonlyMap<string, string>;
  /** By group, those that the campaign comes to last first. */
  readonly byGroup: ReadonlyMap<string, readonly ControlCandidate[]>;
}

export interface Comparison {
  readonly device: SampledDevice;
  readonly controlIds: readonly string[];
}

const CONTROLS_PER_DEVICE = 5;
/** A median of fewer says too little. */
const MIN_CONTROLS = 3;

/**
 * Gives each device controls of its group that nobody else has, so that one odd control speaks in one
 * comparison only, and that were not offered the update before the device's windows were over. Devices
 * for which too few are left are left out.
 */
export function pairDevices(
  devices: readonly SampledDevice[],
  pool: ControlPool,
  usedIds: ReadonlySet<string>,
  endMs: number,
): Comparison[] {
  const used = new Set([...usedIds, ...devices.map(({ id }) => id)]);
  const comparisons: Comparison[] = [];
  for (const device of devices) {
    const candidates = pool.byGroup.get(pool.groupOf.get(device.id) ?? '') ?? [];
    const overAtMs = device.updatedAtMs + endMs;
    const controlIds: string[] = [];
    for (const { id, offeredAtMs } of candidates) {
      if (controlIds.length === CONTROLS_PER_DEVICE) break;
      const isWaiting = offeredAtMs === null || offeredAtMs > overAtMs;
      if (isWaiting && !used.has(id)) controlIds.push(id);
    }
    if (controlIds.length < MIN_CONTROLS) continue;
    for (const id of controlIds) used.add(id);
    comparisons.push({ device, controlIds });
  }
  return comparisons;
}
