import type { KeyObject } from 'node:crypto';
import type { FirmwareView } from '@flotilla/contracts';
import { signManifest } from '@flotilla/signing';
import type { ApiClient } from './api-client.ts';

export interface Release {
  readonly model: string;
  readonly version: string;
  readonly artifact: Uint8Array;
}

/** Uploads an artifact, signs the manifest here, and releases it: the key never leaves the publisher. */
export async function publish(
  api: ApiClient,
  release: Release,
  releaseKey: KeyObject,
): Promise<FirmwareView> {
  const draft = await api.uploadFirmware(release.model, release.version, release.artifact);
  return api.signFirmware(draft.id, signManifest(draft.manifest, releaseKey));
}
