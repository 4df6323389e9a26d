export type AuthorityKind = 'root' | 'intermediate';

/**
 * `pending`: published so that every server trusts it before its first signature. `active`: signs.
 * `retiring`: signs no more; what it signed holds until `until_ms`.
 */
export type AuthorityState = 'pending' | 'active' | 'retiring';

/** Of an authority, what decides who signs. */
export interface PlannedAuthority {
  readonly id: string;
  readonly kind: AuthorityKind;
  readonly parent_id: string | null;
  readonly state: AuthorityState;
  readonly created_at_ms: number;
  readonly active_from_ms: number;
  readonly until_ms: number;
}

export type AuthorityStep =
  | { readonly kind: 'new_root'; readonly activeFromMs: number }
  /** The pending root signs from now on, its forerunner no more. */
  | { readonly kind: 'activate_root'; readonly id: string; readonly retire: string | null }
  | {
      readonly kind: 'new_intermediate';
      readonly parentId: string;
      readonly retire: string | null;
    };

/** Share of an authority's life after which its successor comes by itself. */
const SUCCESSION_AT = 2 / 3;

/**
 * The one step that is due now, null when all is well. Whoever takes it asks again, so that a first
 * start comes to a root and an intermediate, and a rotation through all its stages.
 */
export function authorityStep(
  authorities: readonly PlannedAuthority[],
  overlapMs: number,
  nowMs: number,
): AuthorityStep | null {
  const roots = authorities.filter((one) => one.kind === 'root');
  const active = roots.find((one) => one.state === 'active');
  const pending = roots.find((one) => one.state === 'pending');
  if (pending !== undefined) {
    if (nowMs < pending.active_from_ms)
      return active === undefined ? null : intermediateStep(authorities, active, nowMs);
    return { kind: 'activate_root', id: pending.id, retire: active?.id ?? null };
  }
  if (active === undefined) return { kind: 'new_root', activeFromMs: nowMs };
  if (isSuccessionDue(active, nowMs)) return { kind: 'new_root', activeFromMs: nowMs + overlapMs };
  return intermediateStep(authorities, active, nowMs);
}

function intermediateStep(
  authorities: readonly PlannedAuthority[],
  root: PlannedAuthority,
  nowMs: number,
): AuthorityStep | null {
  const signing = authorities.find((one) => one.kind === 'intermediate' && one.state === 'active');
  const isGood =
    signing !== undefined && signing.parent_id === root.id && !isSuccessionDue(signing, nowMs);
  if (isGood) return null;
  return { kind: 'new_intermediate', parentId: root.id, retire: signing?.id ?? null };
}

function isSuccessionDue(
  { created_at_ms: from, until_ms: until }: PlannedAuthority,
  nowMs: number,
) {
  return nowMs >= from + (until - from) * SUCCESSION_AT;
}
