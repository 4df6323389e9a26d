import type { FirmwareView, TrustView, TufDocument } from '@flotilla/contracts';

/** Where a version stands between an upload and a device that may install it (docs/trust.md). */
export type SignState =
  | {
      readonly kind: 'signed';
      readonly signatures: number;
      readonly threshold: number;
      readonly targetsVersion: number;
      readonly expires: string;
    }
  | { readonly kind: 'staged'; readonly signatures: number; readonly threshold: number }
  | { readonly kind: 'not_staged' };

/** Null for what was withdrawn: nobody signs it any more. */
export function signStateOf(
  firmware: Pick<FirmwareView, 'state' | 'target'>,
  trust: TrustView,
): SignState | null {
  if (firmware.state === 'withdrawn') return null;
  const threshold = thresholdOf(trust.root);
  const { path, sha256 } = firmware.target;
  if (trust.targets !== null && names(trust.targets, path, sha256)) {
    const { version, expires } = trust.targets.signed;
    return {
      kind: 'signed',
      signatures: trust.targets.signatures.length,
      threshold,
      targetsVersion: version,
      expires,
    };
  }
  const { targets: staged } = trust.staged;
  if (staged !== null && names(staged, path, sha256)) {
    return { kind: 'staged', signatures: staged.signatures.length, threshold };
  }
  return { kind: 'not_staged' };
}

/** Signatures of different keys that the targets role needs (TUF 1.0.31, 4.3). */
function thresholdOf(root: TufDocument): number {
  const roles = member(root.signed, 'roles');
  const threshold = member(member(roles, 'targets'), 'threshold');
  return typeof threshold === 'number' ? threshold : 1;
}

function names(targets: TufDocument, path: string, sha256: string): boolean {
  const target = member(member(targets.signed, 'targets'), path);
  return member(member(target, 'hashes'), 'sha256') === sha256;
}

function member(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null
    ? (value as Record<string, unknown>)[name]
    : undefined;
}
