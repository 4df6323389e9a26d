import { createPublicKey, type KeyObject } from 'node:crypto';
import {
  createSnapshot,
  createTimestamp,
  tufKey,
  withSignature,
  writeMetadata,
  type AnyMetadata,
  type MetadataOf,
} from '@flotilla/trust';
import { isDue } from './domain/resign-decision.ts';
import type { TrustStore } from './trust-store.ts';

export interface OnlineValidity {
  readonly snapshotMs: number;
  readonly timestampMs: number;
}

/**
 * Holds the keys of the roles that are online (TUF 1.0.31, 2.1.3 and 2.1.4). They only say which
 * signed targets are the newest: no key here can put a release among them.
 */
export class OnlineSigner {
  readonly #keys: ReadonlyMap<string, KeyObject>;
  readonly #validity: OnlineValidity;

  constructor(keys: readonly KeyObject[], validity: OnlineValidity) {
    this.#keys = new Map(keys.map((key) => [tufKey(createPublicKey(key)).keyID, key]));
    this.#validity = validity;
  }

  /** The online roles that a root gives no or too few keys of this service. */
  missingRoles(root: MetadataOf['root']): string[] {
    return (['snapshot', 'timestamp'] as const).filter((role) => {
      const threshold = root.signed.roles[role]?.threshold ?? Infinity;
      return this.#keysOf(root, role).length < threshold;
    });
  }

  /** A new snapshot of the current targets, and a timestamp that names it; nothing without targets. */
  async publish(store: TrustStore, nowMs: number): Promise<void> {
    const root = await store.current('root');
    const targets = await store.currentFile('targets');
    if (root === null || targets === undefined) return;
    const version = ((await store.currentFile('snapshot'))?.version ?? 0) + 1;
    const issue = { version, nowMs, validityMs: this.#validity.snapshotMs };
    const text = this.#signed(root, 'snapshot', createSnapshot(issue, targets));
    await store.add('snapshot', version, text, nowMs);
    await this.#publishTimestamp(store, root, nowMs);
  }

  /** Signs anew what is half-way to its expiry. True when something was. */
  async renew(store: TrustStore, nowMs: number): Promise<boolean> {
    const root = await store.current('root');
    const snapshot = await store.current('snapshot');
    const timestamp = await store.current('timestamp');
    if (root === null || snapshot === null || timestamp === null) return false;
    const due = (metadata: AnyMetadata, validityMs: number) =>
      isDue(Date.parse(metadata.signed.expires), validityMs, nowMs);
    if (due(snapshot, this.#validity.snapshotMs)) await this.publish(store, nowMs);
    else if (due(timestamp, this.#validity.timestampMs)) {
      await this.#publishTimestamp(store, root, nowMs);
    } else return false;
    return true;
  }

  async #publishTimestamp(
    store: TrustStore,
    root: MetadataOf['root'],
    nowMs: number,
  ): Promise<void> {
    const snapshot = await store.currentFile('snapshot');
    if (snapshot === undefined) return;
    const version = ((await store.currentFile('timestamp'))?.version ?? 0) + 1;
    const issue = { version, nowMs, validityMs: this.#validity.timestampMs };
    const text = this.#signed(root, 'timestamp', createTimestamp(issue, snapshot));
    await store.add('timestamp', version, text, nowMs);
  }

  #signed(root: MetadataOf['root'], role: 'snapshot' | 'timestamp', metadata: AnyMetadata): string {
    const keys = this.#keysOf(root, role);
    return writeMetadata(keys.reduce((signed, key) => withSignature(signed, key), metadata));
  }

  #keysOf(root: MetadataOf['root'], role: 'snapshot' | 'timestamp'): KeyObject[] {
    const ids = root.signed.roles[role]?.keyIDs ?? [];
    return ids.flatMap((id) => this.#keys.get(id) ?? []);
  }
}
