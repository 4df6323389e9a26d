import { compareVersions, type FirmwareTarget, type UpdateReason } from '@flotilla/contracts';

/** What a device knows when it judges a target that is signed. */
export interface TargetContext {
  readonly model: string;
  /** Null on a device that was not told its own. */
  readonly hardwareRevision: string | null;
  /** What its slots take. */
  readonly format: 'tar' | 'image';
  readonly highestConfirmedVersion: string | null;
  readonly running: {
    readonly version: string;
    readonly sha256: string;
    readonly isConfirmed: boolean;
  } | null;
}

export type TargetDecision =
  | { readonly kind: 'accept' }
  /** These very bytes run here, confirmed: nothing is left to do. */
  | { readonly kind: 'already_running' }
  /** What runs is not confirmed: it proves nothing, and the other slot may be the only good one. */
  | { readonly kind: 'wait' }
  | { readonly kind: 'refuse'; readonly reason: UpdateReason; readonly detail: string };

/** In this order: made for this device, anti-rollback, version. Its signature was checked before. */
export function decideTarget(target: FirmwareTarget, context: TargetContext): TargetDecision {
  const unfit = misfit(target, context);
  if (unfit !== null) return unfit;
  const { version } = target.release;
  const { running } = context;
  if (running?.isConfirmed === false) return { kind: 'wait' };
  if (running?.version !== version) return { kind: 'accept' };
  if (running.sha256 === target.sha256) return { kind: 'already_running' };
  return refuse('metadata_invalid', `version ${version} already runs here with other content`);
}

function misfit(target: FirmwareTarget, context: TargetContext): TargetDecision | null {
  const { model, version, format, hardwareRevisions, minimumVersion } = target.release;
  if (model !== context.model) {
    const detail = `the target is for model ${model}, this device is ${context.model}`;
    return refuse('model_mismatch', detail);
  }
  if (format !== context.format) {
    const detail = `the target is a ${format}, the slots of this device take a ${context.format}`;
    return refuse('format_mismatch', detail);
  }
  const revision = context.hardwareRevision;
  if (hardwareRevisions.length > 0 && !hardwareRevisions.includes(revision ?? '')) {
    const detail = `the target is for ${hardwareRevisions.join(', ')}, this device is ${revision ?? 'of no known revision'}`;
    return refuse('hardware_mismatch', detail);
  }
  const highest = context.highestConfirmedVersion;
  if (highest !== null && !target.release.allowDowngrade && isBelow(version, highest)) {
    const detail = `version ${version} is below ${highest}, which was confirmed here before`;
    return refuse('downgrade_refused', detail);
  }
  const runs = context.running?.version ?? null;
  if (minimumVersion !== null && (runs === null || isBelow(runs, minimumVersion))) {
    const detail = `${runs ?? 'nothing'} runs here, the target needs ${minimumVersion} first`;
    return refuse('minimum_version_unmet', detail);
  }
  return null;
}

const isBelow = (version: string, bar: string): boolean => compareVersions(version, bar) < 0;

function refuse(reason: UpdateReason, detail: string): TargetDecision {
  return { kind: 'refuse', reason, detail };
}
