import type { QuarantineKind, QuarantineResolution } from '@flotilla/contracts';
import type { Migration } from 'kysely/migration';
import type { IdentityState } from './domain/identity-state.ts';

/** Whose signature under a manifest counts. */
export interface ManufacturerTable {
  id: string;
  name: string;
  public_key_pem: string;
  created_at_ms: number;
  revoked_at_ms: number | null;
}

export interface ManifestTable {
  id: string;
  manufacturer_id: string;
  /** Rows of one that is being received count for nothing yet. */
  state: 'receiving' | 'accepted';
  sha256: string | null;
  row_count: number;
  created_at_ms: number;
}

export interface ManifestDeviceTable {
  manifest_id: string;
  serial: string;
  model: string;
  /** SubjectPublicKeyInfo in base64; null once the device is retired. */
  claim_key: string | null;
  hardware_revision: string | null;
}

export interface ProvisioningRuleTable {
  id: string;
  name: string;
  /** The highest that fits decides. */
  priority: number;
  model: string | null;
  serial_prefix: string | null;
  group_name: string;
  /** JSON object. */
  labels_json: string;
  first_firmware_id: string | null;
  created_at_ms: number;
}

/** Nonces that were used and are not over yet: none counts twice. */
export interface ClaimNonceTable {
  nonce: string;
  expires_at_ms: number;
}

export interface DeviceIdentityTable {
  device_id: string;
  state: IdentityState;
  /** Of the device's own key; null once it is retired. */
  public_key_sha256: string | null;
  rule_id: string | null;
  first_firmware_id: string | null;
  claimed_at_ms: number;
}

export interface QuarantineTable {
  id: string;
  kind: QuarantineKind;
  serial: string;
  /** Of the claimant's key, as hex SHA-256; empty when it did not come so far. */
  public_key_sha256: string;
  remote_address: string;
  detail: string;
  attempts: number;
  first_at_ms: number;
  last_at_ms: number;
  resolved_at_ms: number | null;
  resolution: QuarantineResolution | null;
  resolved_reason: string | null;
}

export interface ProvisioningTables {
  manufacturers: ManufacturerTable;
  manifests: ManifestTable;
  manifest_devices: ManifestDeviceTable;
  provisioning_rules: ProvisioningRuleTable;
  claim_nonces: ClaimNonceTable;
  device_identities: DeviceIdentityTable;
  provisioning_quarantine: QuarantineTable;
}

export const provisioningMigrations: Record<string, Migration> = {
  '800_manifests': {
    async up(db) {
      await db.schema
        .createTable('manufacturers')
        .addColumn('id', 'text', (c) => c.primaryKey())
        .addColumn('name', 'text', (c) => c.notNull().unique())
        .addColumn('public_key_pem', 'text', (c) => c.notNull())
        .addColumn('created_at_ms', 'bigint', (c) => c.notNull())
        .addColumn('revoked_at_ms', 'bigint')
        .execute();
      await db.schema
        .createTable('manifests')
        .addColumn('id', 'text', (c) => c.primaryKey())
        .addColumn('manufacturer_id', 'text', (c) => c.notNull())
        .addColumn('state', 'text', (c) => c.notNull())
        .addColumn('sha256', 'text')
        .addColumn('row_count', 'integer', (c) => c.notNull())
        .addColumn('created_at_ms', 'bigint', (c) => c.notNull())
        .execute();
      await db.schema
        .createTable('manifest_devices')
        .addColumn('manifest_id', 'text', (c) => c.notNull())
        .addColumn('serial', 'text', (c) => c.notNull())
        .addColumn('model', 'text', (c) => c.notNull())
        .addColumn('claim_key', 'text')
        .addColumn('hardware_revision', 'text')
        // By serial first: a claim knows nothing else.
        .addPrimaryKeyConstraint('manifest_devices_key', ['serial', 'manifest_id'])
        .execute();
      await db.schema
        .createIndex('manifest_devices_manifest')
        .on('manifest_devices')
        .column('manifest_id')
        .execute();
    },
  },
  '810_claims': {
    async up(db) {
      await db.schema
        .createTable('provisioning_rules')
        .addColumn('id', 'text', (c) => c.primaryKey())
        .addColumn('name', 'text', (c) => c.notNull().unique())
        .addColumn('priority', 'integer', (c) => c.notNull())
        .addColumn('model', 'text')
        .addColumn('serial_prefix', 'text')
        .addColumn('group_name', 'text', (c) => c.notNull())
        .addColumn('labels_json', 'text', (c) => c.notNull())
        .addColumn('first_firmware_id', 'text')
        .addColumn('created_at_ms', 'bigint', (c) => c.notNull())
        .execute();
      await db.schema
        .createTable('claim_nonces')
        .addColumn('nonce', 'text', (c) => c.primaryKey())
        .addColumn('expires_at_ms', 'bigint', (c) => c.notNull())
        .execute();
      await db.schema
        .createTable('device_identities')
        .addColumn('device_id', 'text', (c) => c.primaryKey())
        .addColumn('state', 'text', (c) => c.notNull())
        .addColumn('public_key_sha256', 'text')
        .addColumn('rule_id', 'text')
        .addColumn('first_firmware_id', 'text')
        .addColumn('claimed_at_ms', 'bigint', (c) => c.notNull())
        .execute();
      await db.schema
        .createTable('provisioning_quarantine')
        .addColumn('id', 'text', (c) => c.primaryKey())
        .addColumn('kind', 'text', (c) => c.notNull())
        .addColumn('serial', 'text', (c) => c.notNull())
        .addColumn('public_key_sha256', 'text', (c) => c.notNull())
        .addColumn('remote_address', 'text', (c) => c.notNull())
        .addColumn('detail', 'text', (c) => c.notNull())
        .addColumn('attempts', 'integer', (c) => c.notNull())
        .addColumn('first_at_ms', 'bigint', (c) => c.notNull())
        .addColumn('last_at_ms', 'bigint', (c) => c.notNull())
        .addColumn('resolved_at_ms', 'bigint')
        .addColumn('resolution', 'text')
        .addColumn('resolved_reason', 'text')
        .execute();
      await db.schema
        .createIndex('provisioning_quarantine_serial')
        .on('provisioning_quarantine')
        .columns(['serial', 'kind'])
        .execute();
    },
  },
};
