import type { Kysely, Transaction } from 'kysely';
import type { FirmwareTarget, OfflineRole, TrustView, TufDocument } from '@flotilla/contracts';
import { ProblemError, type Logger } from '@flotilla/service';
import {
  checkRoot,
  fromDocument,
  hasSameContent,
  mergeSignatures,
  readMetadata,
  releasesIn,
  toDocument,
  TrustError,
  verifyFirstRoot,
  verifyNextRoot,
  verifyNextTargets,
  writeMetadata,
  type MetadataOf,
} from '@flotilla/trust';
import type { Database } from '../db/database.ts';
import { lockName } from '../db/engine.ts';
import type { TargetsChange } from '../firmware/firmware-release.ts';
import type { OnlineSigner } from './online-signer.ts';
import { TrustStore } from './trust-store.ts';

export interface TrustServiceDeps {
  readonly database: Kysely<Database>;
  readonly signer: OnlineSigner;
  /** Releases and withdraws within the transaction; throws ProblemError when the registry disagrees. */
  readonly apply: (
    trx: Transaction<Database>,
    change: TargetsChange,
    nowMs: number,
  ) => Promise<void>;
  readonly clock: () => number;
  readonly logger: Logger;
}

/** How often renewal is looked at; a tenth of the shortest sensible validity. */
const RENEWAL_CHECK_MS = 60_000;

/** The TUF repository: takes what the offline roles signed, and signs which of it is the newest. */
export class TrustService {
  readonly #deps: TrustServiceDeps;
  readonly #store: TrustStore;
  #timer: NodeJS.Timeout | undefined;

  constructor(deps: TrustServiceDeps) {
    this.#deps = deps;
    this.#store = new TrustStore(deps.database);
  }

  /**
   * Takes the root that devices are provisioned with, unless there is one already, and renews what
   * became due while the service was down. Throws TrustError when the root or the keys do not do.
   */
  async open(rootText: string): Promise<void> {
    const root = readMetadata('root', rootText);
    verifyFirstRoot(root);
    const isNew = await this.#inTurn((store) => this.#takeFirst(store, root, rootText));
    if (!isNew) await this.renew();
  }

  /** False when there is one already. */
  async #takeFirst(
    store: TrustStore,
    root: MetadataOf['root'],
    rootText: string,
  ): Promise<boolean> {
    const current = await store.current('root');
    this.#requireOnlineKeys(current ?? root);
    if (current === null) {
      await store.add('root', root.signed.version, rootText, this.#deps.clock());
      return true;
    }
    const known = await store.text('root', root.signed.version);
    if (known === undefined || !hasSameContent(readMetadata('root', known), root)) {
      throw new TrustError(
        'metadata_invalid',
        `the registry has another root than version ${root.signed.version} of the given file`,
      );
    }
    return false;
  }

  start(): void {
    this.#timer = setInterval(() => {
      this.renew().catch((err: unknown) =>
        this.#deps.logger.error({ err }, 'the metadata could not be signed anew'),
      );
    }, RENEWAL_CHECK_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async renew(): Promise<boolean> {
    const { signer, clock } = this.#deps;
    return this.#inTurn((store) => signer.renew(store, clock()));
  }

  async view(): Promise<TrustView> {
    const document = (metadata: MetadataOf[OfflineRole] | null) =>
      metadata === null ? null : toDocument(metadata);
    return {
      root: toDocument(await this.#root(this.#store)),
      targets: document(await this.#store.current('targets')),
      staged: {
        root: document(await this.#store.staged('root')),
        targets: document(await this.#store.staged('targets')),
      },
    };
  }

  /**
   * Keeps a document until enough people signed it. The same content gathers signatures; another one
   * takes its place. Throws ProblemError: validation_failed, conflict.
   */
  async stage(role: OfflineRole, document: TufDocument): Promise<void> {
    await this.#within(async (store) => {
      const given = fromDocument(role, document);
      const current = await store.current(role);
      const expected = (current?.signed.version ?? 0) + 1;
      if (given.signed.version !== expected) {
        throw new TrustError('metadata_rollback', `the next ${role} has version ${expected}`);
      }
      if (role === 'root') checkRoot((given as MetadataOf['root']).signed);
      else releasesIn(given as MetadataOf['targets']);
      const staged = await store.staged(role);
      const merged =
        staged !== null && hasSameContent(staged, given) ? mergeSignatures(staged, given) : given;
      await store.stage(role, writeMetadata(merged), this.#deps.clock());
    });
  }

  async unstage(role: OfflineRole): Promise<void> {
    await this.#store.unstage(role);
  }

  /** Throws ProblemError: signature_invalid, conflict, validation_failed. */
  async publishRoot(document: TufDocument): Promise<void> {
    const { signer, clock } = this.#deps;
    await this.#within(async (store) => {
      const next = fromDocument('root', document);
      verifyNextRoot(await this.#root(store), next, clock());
      this.#requireOnlineKeys(next);
      await store.add('root', next.signed.version, writeMetadata(next), clock());
      await store.unstage('root');
      // The keys may be new: what the old ones signed is void to whoever has the new root.
      await signer.publish(store, clock());
    });
  }

  /** Throws ProblemError: signature_invalid, conflict, validation_failed. */
  async publishTargets(document: TufDocument): Promise<TargetsChange> {
    const { signer, apply, clock } = this.#deps;
    return this.#within(async (store, trx) => {
      const next = fromDocument('targets', document);
      const current = await store.current('targets');
      verifyNextTargets(await this.#root(store), current, next, clock());
      const change = changeBetween(current, next);
      await apply(trx, change, clock());
      await store.add('targets', next.signed.version, writeMetadata(next), clock());
      await store.unstage('targets');
      await signer.publish(store, clock());
      return change;
    });
  }

  #requireOnlineKeys(root: MetadataOf['root']): void {
    const missing = this.#deps.signer.missingRoles(root);
    if (missing.length === 0) return;
    const version = root.signed.version;
    throw new TrustError(
      'metadata_rollback',
      `this service holds no key with which version ${version} of the root lets it sign ${missing.join(' and ')}`,
    );
  }

  async #root(store: TrustStore): Promise<MetadataOf['root']> {
    const root = await store.current('root');
    if (root === null) throw new Error('the repository was not opened with a root');
    return root;
  }

  /** All or nothing; a version follows the one before it, so one at a time over all replicas. */
  async #inTurn<T>(
    work: (store: TrustStore, trx: Transaction<Database>) => Promise<T>,
  ): Promise<T> {
    return this.#deps.database.transaction().execute(async (trx) => {
      await lockName(trx, 'tuf');
      return work(new TrustStore(trx), trx);
    });
  }

  /** A TrustError becomes the problem it is to an operator. */
  async #within<T>(
    work: (store: TrustStore, trx: Transaction<Database>) => Promise<T>,
  ): Promise<T> {
    try {
      return await this.#inTurn(work);
    } catch (error) {
      throw error instanceof TrustError ? problemOf(error) : error;
    }
  }
}

/** A target that changed under its path counts as both. */
function changeBetween(
  current: MetadataOf['targets'] | null,
  next: MetadataOf['targets'],
): TargetsChange {
  const before = current === null ? [] : releasesIn(current);
  const after = releasesIn(next);
  const without = (from: readonly FirmwareTarget[], these: readonly FirmwareTarget[]) => {
    const known = new Set(these.map((target) => JSON.stringify(target)));
    return from.filter((target) => !known.has(JSON.stringify(target)));
  };
  return { added: without(after, before), removed: without(before, after) };
}

function problemOf(error: TrustError): ProblemError {
  const code = (
    {
      metadata_signature_invalid: 'signature_invalid',
      metadata_rollback: 'conflict',
      metadata_expired: 'conflict',
      metadata_invalid: 'validation_failed',
      metadata_unavailable: 'unavailable',
    } as const
  )[error.fault];
  return new ProblemError(code, { detail: error.message, cause: error });
}
