import { compareVersions, type FieldError, type FirmwareFormat } from '@flotilla/contracts';

/** What a model asks of its firmware. */
export interface ModelRules {
  readonly format: FirmwareFormat;
  /** Empty when the model lists none; then any name passes. */
  readonly hardwareRevisions: readonly string[];
  readonly floorVersion: string | null;
}

export interface ProposedFirmware {
  readonly version: string;
  readonly format: FirmwareFormat;
  readonly minimumVersion: string | null;
  readonly hardwareRevisions: readonly string[];
}

/** Every rule the firmware breaks, by field; `model` is null for one nobody declared. */
export function brokenRules(model: ModelRules | null, firmware: ProposedFirmware): FieldError[] {
  const broken: FieldError[] = [];
  const { version, minimumVersion } = firmware;
  if (minimumVersion !== null && compareVersions(minimumVersion, version) >= 0) {
    const detail = `${minimumVersion} must be below the version ${version}`;
    broken.push({ pointer: '/minimumVersion', detail });
  }
  if (model === null) return broken;
  if (model.format !== firmware.format) {
    const detail = `the model takes ${model.format}, not ${firmware.format}`;
    broken.push({ pointer: '/format', detail });
  }
  if (model.floorVersion !== null && compareVersions(version, model.floorVersion) < 0) {
    const detail = `${version} is below the model's floor ${model.floorVersion}`;
    broken.push({ pointer: '/version', detail });
  }
  const known = model.hardwareRevisions;
  const unknown = firmware.hardwareRevisions.filter((revision) => !known.includes(revision));
  if (known.length > 0 && unknown.length > 0) {
    const detail = `the model does not know ${unknown.join(', ')}`;
    broken.push({ pointer: '/hardwareRevisions', detail });
  }
  return broken;
}

export type FloorDecision = 'raise' | 'unchanged' | 'refuse';

/** An anti-rollback floor never falls: a fleet may have burnt it into fuses. */
export function decideFloor(current: string | null, wanted: string): FloorDecision {
  if (current === null) return 'raise';
  const order = compareVersions(wanted, current);
  if (order === 0) return 'unchanged';
  return order > 0 ? 'raise' : 'refuse';
}
