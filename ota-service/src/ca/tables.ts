import type { Migration } from 'kysely/migration';
import type { AuthorityKind, AuthorityState } from './domain/authority-plan.ts';

export interface AuthorityTable {
  id: string;
  kind: AuthorityKind;
  /** The root that signed an intermediate. */
  parent_id: string | null;
  state: AuthorityState;
  certificate_pem: string;
  /** A later root's key under its forerunner's signature: for devices that know that one alone. */
  cross_pem: string | null;
  /** See key-vault.ts; null once it signs no more. */
  sealed_key: string | null;
  created_at_ms: number;
  /** A pending one becomes active then. */
  active_from_ms: number;
  /** Nothing that it signed holds from then on. */
  until_ms: number;
}

/** What was issued: no certificate and no key, only what a revocation and an audit need. */
export interface DeviceCertificateTable {
  /** Hex. */
  serial_number: string;
  device_id: string;
  authority_id: string;
  public_key_sha256: string;
  issued_at_ms: number;
  not_after_ms: number;
  revoked_at_ms: number | null;
}

/** Who is not to be let in. A subject that is let in again stays with `listed` 0, so that others hear of it. */
export interface DenylistTable {
  kind: 'device' | 'certificate';
  /** Device id, or serial number in hex. */
  subject: string;
  /** Of the newest change; unique and rising. */
  seq: number;
  listed: number;
  reason: string;
  at_ms: number;
}

export interface CaTables {
  ca_authorities: AuthorityTable;
  device_certificates: DeviceCertificateTable;
  denylist: DenylistTable;
}

export const caMigrations: Record<string, Migration> = {
  '700_ca': {
    async up(db) {
      await db.schema
        .createTable('ca_authorities')
        .addColumn('id', 'text', (c) => c.primaryKey())
        .addColumn('kind', 'text', (c) => c.notNull())
        .addColumn('parent_id', 'text')
        .addColumn('state', 'text', (c) => c.notNull())
        .addColumn('certificate_pem', 'text', (c) => c.notNull())
        .addColumn('cross_pem', 'text')
        .addColumn('sealed_key', 'text')
        .addColumn('created_at_ms', 'bigint', (c) => c.notNull())
        .addColumn('active_from_ms', 'bigint', (c) => c.notNull())
        .addColumn('until_ms', 'bigint', (c) => c.notNull())
        .execute();
      await db.schema
        .createTable('device_certificates')
        .addColumn('serial_number', 'text', (c) => c.primaryKey())
        .addColumn('device_id', 'text', (c) => c.notNull())
        .addColumn('authority_id', 'text', (c) => c.notNull())
        .addColumn('public_key_sha256', 'text', (c) => c.notNull())
        .addColumn('issued_at_ms', 'bigint', (c) => c.notNull())
        .addColumn('not_after_ms', 'bigint', (c) => c.notNull())
        .addColumn('revoked_at_ms', 'bigint')
        .execute();
      await db.schema
        .createIndex('device_certificates_device')
        .on('device_certificates')
        .column('device_id')
        .execute();
      await db.schema
        .createTable('denylist')
        .addColumn('kind', 'text', (c) => c.notNull())
        .addColumn('subject', 'text', (c) => c.notNull())
        .addColumn('seq', 'bigint', (c) => c.notNull().unique())
        .addColumn('listed', 'integer', (c) => c.notNull())
        .addColumn('reason', 'text', (c) => c.notNull())
        .addColumn('at_ms', 'bigint', (c) => c.notNull())
        .addPrimaryKeyConstraint('denylist_key', ['kind', 'subject'])
        .execute();
    },
  },
};
