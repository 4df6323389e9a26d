import { createHash, createPublicKey, type KeyObject } from 'node:crypto';
import { targetPath, type FirmwareTarget, type Release } from '@flotilla/contracts';
import { generateEd25519, readPrivateKey } from '@flotilla/signing';
import { withSignature } from '../keys.ts';
import { writeMetadata, type AnyMetadata, type MetadataOf, type TrustRole } from '../metadata.ts';
import { createSnapshot, createTimestamp } from '../online.ts';
import { NotFoundError, TooLargeError } from '../refresh.ts';
import { createRoot, nextRoot, type RoleKeys } from '../root.ts';
import { draftTargets, withRelease, withoutRelease } from '../targets.ts';

const DAY_MS = 86_400_000;

export interface TestRepositoryOptions {
  /** How many keys each offline role has and needs; 1 by default. */
  readonly threshold?: number;
  readonly now?: () => number;
  readonly timestampValidityMs?: number;
  readonly targetsValidityMs?: number;
}

export type ReleaseFields = Partial<Omit<Release, 'schemaVersion'>> & { readonly version: string };

/** A whole repository in memory, every key at hand: what an operator, the online service and time do. */
export class TestRepository {
  /** What a device can fetch, by file name. */
  readonly files = new Map<string, string>();
  readonly keys: Record<TrustRole, KeyObject[]>;
  /** What a device is provisioned with: version 1 of the root. */
  readonly pinnedRoot: string;
  root: MetadataOf['root'];
  targets: MetadataOf['targets'] | null = null;
  snapshotVersion = 0;
  timestampVersion = 0;
  readonly #options: TestRepositoryOptions;

  constructor(options: TestRepositoryOptions = {}) {
    this.#options = options;
    const count = options.threshold ?? 1;
    const some = (n: number) => Array.from({ length: n }, newKey);
    this.keys = { root: some(count), targets: some(count), snapshot: some(1), timestamp: some(1) };
    const root = createRoot(this.#roles(), this.now() + 365 * DAY_MS);
    this.root = signedByAll(root, this.keys.root);
    this.pinnedRoot = writeMetadata(this.root);
    this.files.set('1.root.json', this.pinnedRoot);
  }

  now(): number {
    return this.#options.now?.() ?? Date.now();
  }

  /** Signs and publishes targets with one more release. */
  release(artifact: Uint8Array, fields: ReleaseFields): FirmwareTarget {
    const target = targetOf(artifact, fields);
    this.publishTargets(withRelease(this.draft(), target));
    return target;
  }

  withdraw(path: string): void {
    this.publishTargets(withoutRelease(this.draft(), path));
  }

  draft(): MetadataOf['targets'] {
    return draftTargets(
      this.targets,
      this.now() + (this.#options.targetsValidityMs ?? 90 * DAY_MS),
    );
  }

  publishTargets(
    draft: MetadataOf['targets'],
    keys: readonly KeyObject[] = this.keys.targets,
  ): void {
    this.targets = signedByAll(draft, keys);
    this.publishSnapshot();
  }

  publishSnapshot(): void {
    if (this.targets === null) throw new Error('there are no targets yet');
    const { version } = this.targets.signed;
    const text = writeMetadata(this.targets);
    this.files.set(`${version}.targets.json`, text);
    this.snapshotVersion += 1;
    const issue = { version: this.snapshotVersion, nowMs: this.now(), validityMs: 30 * DAY_MS };
    const snapshot = signedByAll(createSnapshot(issue, { version, text }), this.keys.snapshot);
    this.files.set(`${this.snapshotVersion}.snapshot.json`, writeMetadata(snapshot));
    this.publishTimestamp();
  }

  publishTimestamp(): void {
    const text = this.files.get(`${this.snapshotVersion}.snapshot.json`) ?? '';
    this.timestampVersion += 1;
    const validityMs = this.#options.timestampValidityMs ?? DAY_MS;
    const issue = { version: this.timestampVersion, nowMs: this.now(), validityMs };
    const timestamp = createTimestamp(issue, { version: this.snapshotVersion, text });
    this.files.set('timestamp.json', writeMetadata(signedByAll(timestamp, this.keys.timestamp)));
  }

  /** New keys for some roles; the root is signed by the old and the new root keys. */
  rotate(...roles: TrustRole[]): void {
    const before = this.keys.root;
    for (const role of roles) this.keys[role] = this.keys[role].map(newKey);
    const next = nextRoot(this.root, this.#roles(), this.now() + 365 * DAY_MS);
    this.root = signedByAll(next, new Set([...before, ...this.keys.root]));
    this.files.set(`${this.root.signed.version}.root.json`, writeMetadata(this.root));
    if (this.targets === null) return;
    if (roles.includes('targets')) this.publishTargets(this.draft());
    else this.publishSnapshot();
  }

  /** As a server answers; what is not there is not found. */
  readonly fetchMetadata = (file: string, maxBytes: number): Promise<Buffer> => {
    const text = this.files.get(file);
    if (text === undefined) return Promise.reject(new NotFoundError(file));
    const bytes = Buffer.from(text);
    if (bytes.length > maxBytes) return Promise.reject(new TooLargeError(`${file} is too large`));
    return Promise.resolve(bytes);
  };

  #roles(): Record<TrustRole, RoleKeys> {
    const keysOf = (role: TrustRole) => ({
      keys: this.keys[role].map((key) => createPublicKey(key)),
      threshold: this.keys[role].length,
    });
    return {
      root: keysOf('root'),
      targets: keysOf('targets'),
      snapshot: keysOf('snapshot'),
      timestamp: keysOf('timestamp'),
    };
  }
}

export function newKey(): KeyObject {
  return readPrivateKey(generateEd25519().privateKeyPem);
}

export function signedByAll<T extends AnyMetadata>(metadata: T, keys: Iterable<KeyObject>): T {
  return [...keys].reduce((signed, key) => withSignature(signed, key), metadata);
}

export function targetOf(artifact: Uint8Array, fields: ReleaseFields): FirmwareTarget {
  const release: Release = {
    schemaVersion: 1,
    model: 'sensor-x1',
    format: 'tar',
    allowDowngrade: false,
    minimumVersion: null,
    hardwareRevisions: [],
    createdAt: '2026-01-01T00:00:00.000Z',
    ...fields,
  };
  return {
    path: targetPath(release.model, release.version),
    sha256: createHash('sha256').update(artifact).digest('hex'),
    sizeBytes: artifact.length,
    release,
  };
}
