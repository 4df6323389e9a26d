import type { Kysely } from 'kysely';
import type { QuarantineResolution, QuarantineView } from '@flotilla/contracts';
import { ProblemError, type Logger } from '@flotilla/service';
import type { Denylist } from '../ca/denylist.ts';
import type { DeniedSubject } from '../ca/denylist-store.ts';
import type { Database } from '../db/database.ts';
import type { CloneWatch } from './clone-watch.ts';
import type { IdentityStore } from './identity-store.ts';
import type { QuarantineRow, QuarantineStore, Sighting } from './quarantine-store.ts';

export interface QuarantineDeps {
  readonly database: Kysely<Database>;
  readonly store: QuarantineStore;
  readonly identities: IdentityStore;
  readonly denylist: Denylist;
  readonly cloneWatch: CloneWatch;
  readonly newId: (prefix: string) => string;
  readonly clock: () => number;
  readonly logger: Logger;
}

/** What an operator has to look at, and what becomes of it. */
export class Quarantine {
  readonly #deps: QuarantineDeps;
  constructor(deps: QuarantineDeps) {
    this.#deps = deps;
  }

  async note(sighting: Sighting): Promise<void> {
    const { store, newId, clock, logger } = this.#deps;
    const { kind, serial, remoteAddress } = sighting;
    const isKept = await store.note(sighting, newId('qtn'), clock());
    logger.warn({ kind, serial, remoteAddress, isKept }, 'quarantined');
  }

  /** One identity in two places: which of them is the device nobody can tell, so both are cut off. */
  async holdClone(deviceId: string, remoteAddress: string): Promise<void> {
    const { identities, denylist, clock } = this.#deps;
    await denylist.deny([{ kind: 'device', subject: deviceId }], 'quarantined', clock());
    await identities.move(deviceId, ['claimed'], 'quarantined');
    const detail = 'two runs of the agent use this identity at the same time';
    const sighting = { kind: 'clone' as const, serial: deviceId, publicKeySha256: null };
    await this.note({ ...sighting, remoteAddress, detail });
  }

  async list(isOpen: boolean | undefined, limit: number): Promise<QuarantineView[]> {
    return (await this.#deps.store.list({ isOpen, limit })).map(viewOf);
  }

  /** Throws ProblemError `not_found` or `conflict`. */
  async resolve(id: string, resolution: QuarantineResolution, reason: string) {
    const { store, clock } = this.#deps;
    const entry = await store.find(id);
    if (entry === undefined) throw new ProblemError('not_found', { detail: `no entry ${id}` });
    if (entry.resolved_at_ms !== null) {
      throw new ProblemError('conflict', { detail: `${id} is resolved already` });
    }
    if (resolution === 'release') await this.#release(entry);
    if (resolution === 'reissue') await this.#reissue(entry);
    await store.resolve(id, resolution, reason, clock());
    const resolved = await store.find(id);
    return viewOf(resolved ?? entry);
  }

  async #release({ kind, serial }: QuarantineRow): Promise<void> {
    const { identities, denylist, clock } = this.#deps;
    if (kind !== 'clone' || !(await identities.move(serial, ['quarantined'], 'claimed'))) {
      throw new ProblemError('conflict', { detail: 'there is no identity here to be released' });
    }
    this.#deps.cloneWatch.forget(serial);
    await denylist.admit([{ kind: 'device', subject: serial }], 'released', clock());
  }

  /** Old certificates first: whoever holds one is out before the identity is given anew. */
  async #reissue({ serial }: QuarantineRow): Promise<void> {
    const { identities, denylist, clock } = this.#deps;
    const identity = await identities.find(serial);
    if (identity === undefined || identity.state === 'retired') {
      throw new ProblemError('conflict', { detail: 'there is no identity here to be given anew' });
    }
    await denylist.deny(await this.revokeCertificates(serial), 'revoked', clock());
    await identities.move(serial, ['claimed', 'quarantined'], 'cleared');
    this.#deps.cloneWatch.forget(serial);
    await denylist.admit([{ kind: 'device', subject: serial }], 'reissued', clock());
  }

  /** Those of a device that would still hold; to be put on the denylist. */
  async revokeCertificates(deviceId: string): Promise<DeniedSubject[]> {
    const { database, clock } = this.#deps;
    const revoked = await database
      .updateTable('device_certificates')
      .set({ revoked_at_ms: clock() })
      .where('device_id', '=', deviceId)
      .where('revoked_at_ms', 'is', null)
      .where('not_after_ms', '>', clock())
      .returning('serial_number')
      .execute();
    return revoked.map((row) => ({ kind: 'certificate', subject: row.serial_number }));
  }
}

function viewOf(row: QuarantineRow): QuarantineView {
  const time = (ms: number | null) => (ms === null ? null : new Date(ms).toISOString());
  return {
    id: row.id,
    kind: row.kind,
    serial: row.serial,
    publicKeySha256: row.public_key_sha256 === '' ? null : row.public_key_sha256,
    remoteAddress: row.remote_address,
    detail: row.detail,
    attempts: row.attempts,
    firstAt: new Date(row.first_at_ms).toISOString(),
    lastAt: new Date(row.last_at_ms).toISOString(),
    resolvedAt: time(row.resolved_at_ms),
    resolution: row.resolution,
    resolvedReason: row.resolved_reason,
  };
}
