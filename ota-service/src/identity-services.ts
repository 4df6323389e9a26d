import { createPublicKey } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { Transaction } from 'kysely';
import { VerifiedTokens } from '@flotilla/signing';
import { AuthorityStore } from './ca/authority-store.ts';
import { CertificateAuthority, type CaLifetimes } from './ca/certificate-authority.ts';
import { Denylist } from './ca/denylist.ts';
import { DenylistStore } from './ca/denylist-store.ts';
import type { KeyVault } from './ca/key-vault.ts';
import type { Database } from './db/database.ts';
import { Leases } from './db/leases.ts';
import type { DeviceStore } from './devices/device-store.ts';
import { DeviceCallers } from './http/device-callers.ts';
import {
  decommissionEffects,
  telemetryEraser,
  type DecommissionEffectDeps,
} from './lifecycle/decommission-effects.ts';
import { DecommissionStore } from './lifecycle/decommission-store.ts';
import { Decommissioning } from './lifecycle/decommissioning.ts';
import { LifecycleService } from './lifecycle/lifecycle-service.ts';
import { LifecycleStore } from './lifecycle/lifecycle-store.ts';
import type { OtaServiceDeps } from './ota-service.ts';
import { ClaimNonces } from './provisioning/claim-nonces.ts';
import { Claims } from './provisioning/claims.ts';
import { CloneWatch } from './provisioning/clone-watch.ts';
import { FirstFirmware } from './provisioning/first-firmware.ts';
import { IdentityStore } from './provisioning/identity-store.ts';
import { ManifestStore } from './provisioning/manifest-store.ts';
import { Quarantine } from './provisioning/quarantine.ts';
import { QuarantineStore } from './provisioning/quarantine-store.ts';

/** What is asked of an authority of our own; without one there are tokens alone. */
export interface CaSettings {
  readonly vault: KeyVault;
  readonly lifetimes: CaLifetimes;
  /** Told to new devices. */
  readonly otaUrl: () => string;
  readonly collectorUrl: () => string;
}

export type IdentityServices = Awaited<ReturnType<typeof createIdentityServices>>;

const HOUSEKEEPING_MS = 1000;
/** An upload that has not ended after this was cut off by a crash. */
const MANIFEST_PATIENCE_MS = 3_600_000;

/** Lifecycle, denylist, decommissioning and, with an authority, provisioning. */
export async function createIdentityServices(deps: OtaServiceDeps, devices: DeviceStore) {
  const { database, clock, logger, newId } = deps;
  const shared = { database, clock, logger };
  const identities = new IdentityStore(database);
  const manifests = new ManifestStore(database);
  const denylistStore = new DenylistStore(database);
  const denylist = new Denylist(denylistStore, logger);
  const lifecycleStore = new LifecycleStore(database);
  const cloneWatch = new CloneWatch();
  const quarantine = new Quarantine({
    ...shared,
    store: new QuarantineStore(database),
    identities,
    denylist,
    cloneWatch,
    newId,
  });
  const parts = { ...shared, denylist, quarantine, identities, manifests };
  const { decommissioning, lifecycle } = await createLifecycle(deps, parts, lifecycleStore);
  const callers = new DeviceCallers({
    tokens: new VerifiedTokens(createPublicKey(deps.deviceTokenKey)),
    devices,
    denylist,
    cloneWatch,
    onClone: (deviceId, remoteAddress) => quarantine.holdClone(deviceId, remoteAddress),
  });
  const nonces = new ClaimNonces(deps.deviceTokenKey);
  const authority =
    deps.ca === undefined
      ? null
      : await openAuthority(deps, deps.ca, {
          ...shared,
          ...{ nonces, manifests, identities, devices, quarantine },
          lifecycle: lifecycleStore,
        });
  const firstFirmware = new FirstFirmware({ identities, eventLog: deps.eventLog });
  const keeper = new Housekeeping(async () => {
    await authority?.ca.settle();
    await identities.forgetNonces(clock());
    for (const id of await manifests.unfinished(clock() - MANIFEST_PATIENCE_MS)) {
      await manifests.discard(id);
    }
  }, deps);
  return {
    ...{ identities, manifests, denylist, denylistStore, quarantine, lifecycle, decommissioning },
    ...{ callers, nonces, authority, firstFirmware },
    async start(): Promise<void> {
      await denylist.start();
      decommissioning.start();
      keeper.start();
    },
    async stop(): Promise<void> {
      await keeper.stop();
      await decommissioning.stop();
      await denylist.stop();
    },
  };
}

type LifecycleParts = Pick<
  DecommissionEffectDeps,
  'database' | 'denylist' | 'quarantine' | 'identities' | 'manifests' | 'clock'
> &
  Pick<OtaServiceDeps, 'logger'>;

async function createLifecycle(deps: OtaServiceDeps, parts: LifecycleParts, store: LifecycleStore) {
  const decommissions = new DecommissionStore(deps.database);
  const tablesSql = await readFile(new URL('../sql/telemetry-tables.sql', import.meta.url), 'utf8');
  const decommissioning = new Decommissioning({
    ...parts,
    store: decommissions,
    leases: new Leases(deps.database),
    effects: decommissionEffects({
      ...parts,
      holders: deps.credentialHolders ?? [],
      eraseTelemetry: telemetryEraser(deps.warehouse, tablesSql),
    }),
  });
  const lifecycle = new LifecycleService({
    ...parts,
    store,
    decommissions,
    onRetired: () => decommissioning.wake(),
  });
  return { decommissioning, lifecycle };
}

type ClaimParts = Pick<
  ConstructorParameters<typeof Claims>[0],
  'nonces' | 'manifests' | 'identities' | 'devices' | 'quarantine' | 'lifecycle'
> &
  Pick<OtaServiceDeps, 'database' | 'clock' | 'logger'>;

async function openAuthority(deps: OtaServiceDeps, settings: CaSettings, parts: ClaimParts) {
  const certificates = new AuthorityStore(deps.database);
  const { vault, lifetimes } = settings;
  const ca = await CertificateAuthority.open({ ...parts, store: certificates, vault, lifetimes });
  const claims = new Claims({
    ...parts,
    ca,
    certificates,
    setLabels,
    endpoints: () => ({
      otaUrl: settings.otaUrl(),
      collectorUrl: settings.collectorUrl(),
      tufRoot: deps.tufRoot,
    }),
  });
  return { ca, claims };
}

async function setLabels(
  trx: Transaction<Database>,
  deviceId: string,
  labels: Readonly<Record<string, string>>,
): Promise<void> {
  const rows = Object.entries(labels).map(([key, value]) => ({ device_id: deviceId, key, value }));
  if (rows.length > 0) await trx.insertInto('device_labels').values(rows).execute();
}

/** Work that is due now and then, never twice at once. */
class Housekeeping {
  readonly #work: () => Promise<void>;
  readonly #logger: OtaServiceDeps['logger'];
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;

  constructor(work: () => Promise<void>, { logger }: Pick<OtaServiceDeps, 'logger'>) {
    this.#work = work;
    this.#logger = logger;
  }

  start(): void {
    this.#timer = setInterval(() => {
      this.#running ??= this.#work()
        .catch((err: unknown) => this.#logger.error({ err }, 'identities could not be kept up'))
        .finally(() => (this.#running = undefined));
    }, HOUSEKEEPING_MS);
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#running;
  }
}
