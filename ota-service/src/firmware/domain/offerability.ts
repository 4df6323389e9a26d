import { compareVersions, type FirmwareState, type WithheldReason } from '@flotilla/contracts';

export interface OfferedFirmware {
  readonly version: string;
  readonly state: FirmwareState;
  /** The oldest version this may be installed over; null is any. */
  readonly minimumVersion: string | null;
  /** Empty is all. */
  readonly hardwareRevisions: readonly string[];
}

export interface ReceivingDevice {
  readonly runningVersion: string | null;
  readonly hardwareRevision: string | null;
}

export type Offerability =
  | { readonly kind: 'offerable' }
  | { readonly kind: 'withheld'; readonly reason: WithheldReason; readonly detail: string };

/** May anybody get this firmware at all? `floorVersion` is the model's. */
export function decideOfferable(
  firmware: Pick<OfferedFirmware, 'version' | 'state'>,
  floorVersion: string | null,
): Offerability {
  if (firmware.state !== 'released') {
    return withheld('withdrawn', `${firmware.version} is ${firmware.state}`);
  }
  if (floorVersion !== null && compareVersions(firmware.version, floorVersion) < 0) {
    return withheld(
      'below_floor',
      `${firmware.version} is below the model's floor ${floorVersion}`,
    );
  }
  return { kind: 'offerable' };
}

/**
 * May this device get it? What is not known never fits: a device without a revision gets nothing
 * made for certain revisions, and one without firmware meets no minimum version.
 */
export function decideOfferableTo(
  device: ReceivingDevice,
  firmware: OfferedFirmware,
  floorVersion: string | null,
): Offerability {
  const offerable = decideOfferable(firmware, floorVersion);
  if (offerable.kind === 'withheld') return offerable;
  const { hardwareRevisions, minimumVersion } = firmware;
  const { hardwareRevision, runningVersion } = device;
  if (hardwareRevisions.length > 0) {
    const made = `made for ${hardwareRevisions.join(', ')}`;
    if (hardwareRevision === null)
      return withheld('hardware_unknown', `tells no revision, ${made}`);
    if (!hardwareRevisions.includes(hardwareRevision)) {
      return withheld('hardware_mismatch', `is ${hardwareRevision}, ${made}`);
    }
  }
  if (minimumVersion === null) return { kind: 'offerable' };
  if (runningVersion !== null && compareVersions(runningVersion, minimumVersion) >= 0) {
    return { kind: 'offerable' };
  }
  const runs = runningVersion === null ? 'runs nothing yet' : `runs ${runningVersion}`;
  return withheld('minimum_version_unmet', `${runs}, needs ${minimumVersion} first`);
}

function withheld(reason: WithheldReason, detail: string): Offerability {
  return { kind: 'withheld', reason, detail };
}
