import type { Kysely } from 'kysely';
import type { ClickHouseClient } from '@clickhouse/client';
import type { Denylist } from '../ca/denylist.ts';
import type { Database } from '../db/database.ts';
import type { IdentityStore } from '../provisioning/identity-store.ts';
import type { ManifestStore } from '../provisioning/manifest-store.ts';
import type { Quarantine } from '../provisioning/quarantine.ts';
import type { DecommissionEffects } from './decommissioning.ts';

/** Another place that keeps something a device can show, such as a message broker's list. */
export interface CredentialHolder {
  readonly name: string;
  readonly removeCredentials: (deviceId: string) => Promise<void>;
}

export interface DecommissionEffectDeps {
  readonly database: Kysely<Database>;
  readonly denylist: Denylist;
  readonly quarantine: Pick<Quarantine, 'revokeCertificates'>;
  readonly identities: IdentityStore;
  readonly manifests: ManifestStore;
  readonly holders: readonly CredentialHolder[];
  readonly eraseTelemetry: (deviceId: string) => Promise<void>;
  readonly clock: () => number;
}

/** The steps of a decommissioning as they are in this service. */
export function decommissionEffects(deps: DecommissionEffectDeps): DecommissionEffects {
  const { denylist, quarantine, identities, manifests, holders, clock } = deps;
  const asDevice = (deviceId: string) => ({ kind: 'device' as const, subject: deviceId });
  return {
    async drain(deviceId) {
      await denylist.deny([asDevice(deviceId)], 'draining', clock());
      return 'the device is told';
    },
    async revoke(deviceId) {
      const certificates = await quarantine.revokeCertificates(deviceId);
      await denylist.deny([asDevice(deviceId), ...certificates], 'retired', clock());
      return `${certificates.length} certificates and every token`;
    },
    async remove_credentials(deviceId) {
      await identities.move(deviceId, ['claimed', 'quarantined', 'cleared'], 'retired');
      await manifests.forgetClaimKey(deviceId);
      for (const holder of holders) await holder.removeCredentials(deviceId);
      return ['registry', 'manifest', ...holders.map(({ name }) => name)].join(', ');
    },
    async wipe(deviceId) {
      // From now on not even the order to wipe itself is told to it.
      await denylist.deny([asDevice(deviceId)], 'revoked', clock());
      return '';
    },
    async settle_data(deviceId, { data }) {
      if (data === 'retain') return 'kept';
      await eraseFromRegistry(deps.database, deviceId);
      await deps.eraseTelemetry(deviceId);
      return 'erased';
    },
  };
}

/** Its id, its state and its history stay: they are the record that it was taken out. */
async function eraseFromRegistry(database: Kysely<Database>, deviceId: string): Promise<void> {
  await database.deleteFrom('device_labels').where('device_id', '=', deviceId).execute();
  await database
    .updateTable('devices')
    .set({
      hardware_revision: null,
      firmware_version: null,
      firmware_sha256: null,
      previous_firmware_sha256: null,
      withheld_firmware_id: null,
      withheld_reason: null,
      withheld_detail: null,
      withheld_since_ms: null,
      last_seen_at_ms: null,
    })
    .where('id', '=', deviceId)
    .execute();
}

/** In every table of telemetry that says whose a row is. */
export function telemetryEraser(
  warehouse: ClickHouseClient,
  tablesSql: string,
): (deviceId: string) => Promise<void> {
  return async (deviceId) => {
    const found = await warehouse.query({ query: tablesSql, format: 'JSONEachRow' });
    const tables = await found.json<{ name: string }>();
    for (const { name } of tables) {
      await warehouse.command({
        query: 'DELETE FROM {table:Identifier} WHERE DeviceId = {deviceId:String}',
        query_params: { table: name, deviceId },
      });
    }
  };
}
