import { compareVersions, type FirmwareView } from '@flotilla/contracts';

export interface ModelFirmware {
  readonly model: string;
  /** Newest version first. */
  readonly versions: FirmwareView[];
}

export function byModel(firmware: readonly FirmwareView[]): ModelFirmware[] {
  const models = new Map<string, FirmwareView[]>();
  for (const item of firmware) models.set(item.model, [...(models.get(item.model) ?? []), item]);
  return [...models]
    .sort(([a], [b]) => a.localeCompare(b))
    .map(([model, versions]) => ({
      model,
      versions: versions.sort((a, b) => compareVersions(b.version, a.version)),
    }));
}
