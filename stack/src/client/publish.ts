import type { KeyObject } from 'node:crypto';
import type { FirmwareFormat, FirmwareView } from '@flotilla/contracts';
import {
  draftTargets,
  fromDocument,
  toDocument,
  withRelease,
  withSignature,
} from '@flotilla/trust';
import { ApiProblem, type ApiClient } from './api-client.ts';

export interface Release {
  readonly model: string;
  readonly version: string;
  readonly artifact: Uint8Array;
  /** A bundle when not given. */
  readonly format?: FirmwareFormat;
}

/** How long targets stay good without anybody signing new ones. */
export const TARGETS_VALIDITY_MS = 90 * 86_400_000;

const TRIES = 5;

/**
 * Uploads an artifact, puts it among the targets and signs them here: the key never leaves the
 * publisher. For a targets role that one key satisfies.
 */
export async function publish(
  api: ApiClient,
  release: Release,
  targetsKey: KeyObject,
): Promise<FirmwareView> {
  const { model, version, artifact, format } = release;
  const draft = await api.uploadFirmware(model, version, artifact, format);
  for (let tries = 1; ; tries += 1) {
    const { targets } = await api.trust();
    const current = targets === null ? null : fromDocument('targets', targets);
    const next = withRelease(draftTargets(current, Date.now() + TARGETS_VALIDITY_MS), draft.target);
    try {
      await api.publishMetadata('targets', toDocument(withSignature(next, targetsKey)));
      return await api.firmware(draft.id);
    } catch (error) {
      // Somebody else published in between: the next version is another one now.
      const isRace = error instanceof ApiProblem && error.problem.code === 'conflict';
      if (!isRace || tries === TRIES) throw error;
    }
  }
}
