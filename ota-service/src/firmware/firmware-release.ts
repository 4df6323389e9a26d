import type { Transaction } from 'kysely';
import { isDeepStrictEqual } from 'node:util';
import type { FieldError, FirmwareTarget } from '@flotilla/contracts';
import { ProblemError } from '@flotilla/service';
import type { Database } from '../db/database.ts';
import { decideOfferable } from './domain/offerability.ts';
import { FirmwareStore, withdrawWithin, type FirmwareRow } from './firmware-store.ts';
import { firmwareTargetOf } from './firmware-target.ts';
import { lockModel, ModelStore } from './model-store.ts';

/** What newly published targets say that the ones before did not. */
export interface TargetsChange {
  readonly added: readonly FirmwareTarget[];
  readonly removed: readonly FirmwareTarget[];
}

/**
 * The registry follows the signed targets: a draft among them is released, what left them is
 * withdrawn. Throws ProblemError: conflict, validation_failed; then nothing of it happened.
 */
export async function followTargets(
  trx: Transaction<Database>,
  change: TargetsChange,
  nowMs: number,
): Promise<void> {
  const store = new FirmwareStore(trx);
  const models = [...change.removed, ...change.added].map(({ release }) => release.model);
  for (const model of [...new Set(models)].sort()) await lockModel(trx, model);
  for (const { release, path } of change.removed) {
    if (change.added.some((target) => target.path === path)) throw changed(path);
    const row = await store.byVersion(release.model, release.version);
    if (row !== undefined) await withdrawWithin(trx, row.id, 'no longer a signed target', nowMs);
  }
  for (const target of change.added) {
    const { model, version } = target.release;
    const row = await store.byVersion(model, version);
    requireSame(target, row);
    const floor = (await new ModelStore(trx).byName(model))?.floor_version ?? null;
    // Nothing comes back from a withdrawal, and a floor may have risen since the upload.
    const state = row.state === 'withdrawn' ? 'withdrawn' : 'released';
    const offerable = decideOfferable({ version, state }, floor);
    if (offerable.kind === 'withheld') {
      throw new ProblemError('conflict', { detail: offerable.detail });
    }
    await store.release(row.id, nowMs);
  }
}

function changed(path: string): ProblemError {
  return new ProblemError('conflict', {
    detail: `${path} is published with other content; a release never changes`,
  });
}

function requireSame(
  target: FirmwareTarget,
  row: FirmwareRow | undefined,
): asserts row is FirmwareRow {
  const at = `/body/signed/targets/${target.path.replaceAll('/', '~1')}`;
  if (row === undefined) {
    const detail = `nothing was uploaded for the target ${target.path}`;
    throw new ProblemError('validation_failed', { detail, errors: [{ pointer: at, detail }] });
  }
  const errors = differences(at, target, firmwareTargetOf(row));
  if (errors.length === 0) return;
  throw new ProblemError('validation_failed', {
    detail: `the target ${target.path} is not what was uploaded as ${row.id}`,
    errors,
  });
}

function differences(at: string, signed: FirmwareTarget, expected: FirmwareTarget): FieldError[] {
  const flat = ({ release, sha256, sizeBytes }: FirmwareTarget) =>
    Object.entries({ ...release, sha256, sizeBytes });
  const given = new Map<string, unknown>(flat(signed));
  return flat(expected)
    .filter(([key, value]) => !isDeepStrictEqual(given.get(key), value))
    .map(([key, value]) => ({
      pointer: `${at}/${key}`,
      detail: `must be ${JSON.stringify(value)}`,
    }));
}
