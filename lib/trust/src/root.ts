import type { KeyObject } from 'node:crypto';
import { Metadata, Root } from '@tufjs/models';
import { keyOfHex, tufKey } from './keys.ts';
import {
  expiryText,
  fromDocument,
  TRUST_ROLES,
  type MetadataOf,
  type TrustRole,
} from './metadata.ts';
import { TrustError } from './trust-error.ts';

/** Who may sign for a role (public keys), and how many of them must. */
export interface RoleKeys {
  readonly keys: readonly KeyObject[];
  readonly threshold: number;
}

/** The first root, unsigned; throws TrustError when a role could never be signed or keys are mixed. */
export function createRoot(
  roles: Readonly<Record<TrustRole, RoleKeys>>,
  expiresAtMs: number,
): MetadataOf['root'] {
  const first = { version: 1, specVersion: '1.0.31', expires: expiryText(expiresAtMs) };
  return withRoles(new Metadata(new Root({ ...first, consistentSnapshot: true })), roles);
}

/** The next version with some roles' keys replaced, unsigned: the old and the new root keys must sign it. */
export function nextRoot(
  current: MetadataOf['root'],
  roles: Readonly<Partial<Record<TrustRole, RoleKeys>>>,
  expiresAtMs: number,
): MetadataOf['root'] {
  const { signed } = current;
  const json = {
    ...signed.toJSON(),
    version: signed.version + 1,
    expires: expiryText(expiresAtMs),
  };
  return withRoles(fromDocument('root', { signed: json, signatures: [] }), roles);
}

function withRoles(
  root: MetadataOf['root'],
  roles: Readonly<Partial<Record<TrustRole, RoleKeys>>>,
): MetadataOf['root'] {
  const json = root.signed.toJSON() as {
    keys: Record<string, unknown>;
    roles: Record<string, object>;
  };
  for (const role of TRUST_ROLES) {
    const given = roles[role];
    if (given === undefined) continue;
    const keys = given.keys.map(tufKey);
    for (const key of keys) json.keys[key.keyID] = key.toJSON();
    json.roles[role] = { keyids: keys.map((key) => key.keyID), threshold: given.threshold };
  }
  const used = new Set(
    Object.values(json.roles).flatMap((role) => (role as { keyids: string[] }).keyids),
  );
  json.keys = Object.fromEntries(Object.entries(json.keys).filter(([id]) => used.has(id)));
  const next = fromDocument('root', { signed: json, signatures: [] });
  checkRoot(next.signed);
  return next;
}

/**
 * What no root of ours may be, beyond what TUF asks: every threshold can be met by distinct keys, and
 * no key that is online is also an offline one, or ota-service could sign a release.
 */
export function checkRoot(root: Root): void {
  const refuse = (why: string) => new TrustError('metadata_invalid', `the root ${why}`);
  if (!root.consistentSnapshot) throw refuse('has no consistent snapshots');
  for (const [id, key] of Object.entries(root.keys)) {
    const isOurs = key.keyType === 'ed25519' && key.scheme === 'ed25519';
    // One key under two names would count twice towards a threshold (TUF 1.0.31, 4.2).
    if (!isOurs || keyOfHex(key.keyVal.public ?? '').keyID !== id) {
      throw refuse(`has a key under a name that is not its own: ${id}`);
    }
  }
  const keysOf = (...roles: TrustRole[]) =>
    new Set(roles.flatMap((role) => root.roles[role]?.keyIDs ?? []));
  for (const role of TRUST_ROLES) {
    const known = [...keysOf(role)].filter((id) => Object.hasOwn(root.keys, id));
    const threshold = root.roles[role]?.threshold ?? 0;
    if (!Number.isInteger(threshold) || threshold < 1 || known.length < threshold) {
      throw refuse(`asks for ${threshold} of ${known.length} keys for ${role}`);
    }
  }
  const offline = keysOf('root', 'targets');
  const both = [...keysOf('snapshot', 'timestamp')].find((id) => offline.has(id));
  if (both !== undefined) throw refuse(`has the key ${both} both online and offline`);
}
