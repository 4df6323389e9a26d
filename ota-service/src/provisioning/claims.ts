import type { Kysely, Transaction } from 'kysely';
import {
  claimStatement,
  type Claim,
  type ClaimAnswer,
  type IssuedCertificate,
} from '@flotilla/contracts';
import { ProblemError, type Logger } from '@flotilla/service';
import { createHash } from 'node:crypto';
import type { AuthorityStore } from '../ca/authority-store.ts';
import type { CertificateAuthority, IssuedDeviceCertificate } from '../ca/certificate-authority.ts';
import { readRequest, type RequestReading } from '../ca/certificates.ts';
import type { Database } from '../db/database.ts';
import { lockName } from '../db/engine.ts';
import type { DeviceStore } from '../devices/device-store.ts';
import { newDevice } from '../devices/new-device.ts';
import type { LifecycleStore } from '../lifecycle/lifecycle-store.ts';
import { isClaimSignature, readClaimKey } from './claim-key.ts';
import type { ClaimNonces } from './claim-nonces.ts';
import { decideClaim } from './domain/claim-decision.ts';
import { chooseRule } from './domain/provisioning-rule.ts';
import type { IdentityStore } from './identity-store.ts';
import type { ManifestStore } from './manifest-store.ts';
import type { Quarantine } from './quarantine.ts';
import type { ManifestDeviceTable } from './tables.ts';

type GoodRequest = RequestReading & { kind: 'good' };

/** What a device is told with its first certificate, beside what its rule says. */
export interface DeviceEndpoints {
  readonly otaUrl: string;
  readonly collectorUrl: string;
  readonly tufRoot: string;
}

export interface ClaimsDeps {
  readonly database: Kysely<Database>;
  readonly ca: CertificateAuthority;
  readonly certificates: AuthorityStore;
  readonly nonces: ClaimNonces;
  readonly manifests: ManifestStore;
  readonly identities: IdentityStore;
  readonly devices: DeviceStore;
  readonly lifecycle: LifecycleStore;
  readonly quarantine: Quarantine;
  readonly setLabels: (
    trx: Transaction<Database>,
    deviceId: string,
    labels: Readonly<Record<string, string>>,
  ) => Promise<void>;
  readonly endpoints: () => DeviceEndpoints;
  readonly clock: () => number;
  readonly logger: Logger;
}

/** Gives certificates: the first for a proven claim key, later ones for the certificate before. */
export class Claims {
  readonly #deps: ClaimsDeps;
  constructor(deps: ClaimsDeps) {
    this.#deps = deps;
  }

  /** Throws ProblemError `unauthenticated`, `forbidden` (then it is in quarantine) or `validation_failed`. */
  async claim(claim: Claim, remoteAddress: string): Promise<ClaimAnswer> {
    const { nonces, manifests, quarantine, clock } = this.#deps;
    const { serial } = claim;
    const nonceEndsMs = nonces.check(claim.nonce, serial, clock());
    if (nonceEndsMs === null) throw unproven('the nonce is not good, or not any more');
    const made = await manifests.device(serial);
    if (made === undefined) {
      const detail = 'no manifest names this serial';
      const sighting = { kind: 'unknown_serial' as const, serial, publicKeySha256: null };
      await quarantine.note({ ...sighting, remoteAddress, detail });
      throw new ProblemError('forbidden', { detail });
    }
    if (made.claim_key === null) {
      const detail = 'the device is retired';
      const sighting = { kind: 'retired_claim' as const, serial, publicKeySha256: null };
      await quarantine.note({ ...sighting, remoteAddress, detail });
      throw new ProblemError('forbidden', { detail });
    }
    const csr = Buffer.from(claim.csr, 'base64');
    this.#checkProof(claim, made.claim_key, csr);
    const request = await goodRequest(csr, serial);
    const nonce = { nonce: claim.nonce, endsMs: nonceEndsMs };
    return this.#grant(made, request, nonce, remoteAddress);
  }

  /** Over the certificate that is to be renewed; the device key stays. Throws as `claim`. */
  async renew(deviceId: string, csrBase64: string): Promise<IssuedCertificate> {
    const { identities, database } = this.#deps;
    const request = await goodRequest(Buffer.from(csrBase64, 'base64'), deviceId);
    return database.transaction().execute(async (trx) => {
      const identity = await identities.find(deviceId, trx);
      if (identity?.state !== 'claimed' || identity.public_key_sha256 !== request.keySha256) {
        throw new ProblemError('forbidden', {
          detail: 'a certificate is renewed for the device key it was issued for',
        });
      }
      return this.#issue(trx, deviceId, request);
    });
  }

  #checkProof({ serial, nonce, signature }: Claim, claimKey: string, csr: Buffer): void {
    const key = readClaimKey(claimKey);
    if (key === null) throw new Error(`the manifest has an unreadable claim key for ${serial}`);
    const digest = createHash('sha256').update(csr).digest('hex');
    const statement = claimStatement(serial, nonce, digest);
    if (!isClaimSignature(key, statement, Buffer.from(signature, 'base64'))) {
      this.#deps.logger.warn({ serial }, 'a claim without the claim key');
      throw unproven('the signature is not by the claim key of this serial');
    }
  }

  async #grant(
    made: ManifestDeviceTable,
    request: GoodRequest,
    nonce: { nonce: string; endsMs: number },
    remoteAddress: string,
  ): Promise<ClaimAnswer> {
    const { database, identities, quarantine } = this.#deps;
    const { serial } = made;
    const outcome = await database.transaction().execute(async (trx) => {
      // One claim of a serial at a time: two at once are not both the first.
      await lockName(trx, `identity ${serial}`);
      if (!(await identities.useNonce(trx, nonce.nonce, nonce.endsMs))) {
        throw unproven('the nonce was used before');
      }
      const row = await identities.find(serial, trx);
      const known = row && { state: row.state, publicKeySha256: row.public_key_sha256 };
      const decision = decideClaim(known ?? null, request.keySha256);
      if (decision.kind === 'refuse') return decision;
      if (decision.isNew) await this.#enrol(trx, made, request);
      return { kind: 'issued' as const, certificate: await this.#issue(trx, serial, request) };
    });
    if (outcome.kind === 'issued') return this.#answer(made, outcome.certificate);
    const { quarantine: kind, detail } = outcome;
    if (kind !== null) {
      const publicKeySha256 = request.keySha256;
      await quarantine.note({ kind, serial, publicKeySha256, remoteAddress, detail });
    }
    throw new ProblemError('forbidden', { detail });
  }

  /** The device comes into the registry, with what its rule says. */
  async #enrol(
    trx: Transaction<Database>,
    made: ManifestDeviceTable,
    request: GoodRequest,
  ): Promise<void> {
    const { identities, devices, lifecycle, clock } = this.#deps;
    const { serial, model } = made;
    const nowMs = clock();
    const rule = chooseRule(await identities.rules(trx), { serial, model });
    await identities.put(trx, {
      device_id: serial,
      state: 'claimed',
      public_key_sha256: request.keySha256,
      rule_id: rule?.id ?? null,
      first_firmware_id: rule?.first_firmware_id ?? null,
      claimed_at_ms: nowMs,
    });
    const group = rule?.group_name ?? 'default';
    const row = {
      ...newDevice(serial, model, group, nowMs),
      hardware_revision: made.hardware_revision,
    };
    if (!(await devices.insert(row, trx))) return;
    const reason = rule === null ? 'claimed; no rule fits' : `claimed; rule ${rule.name}`;
    const record = { from: null, to: 'provisioned', reason, actor: 'provisioning' } as const;
    await lifecycle.record(trx, serial, record, nowMs);
    await this.#deps.setLabels(trx, serial, labelsOf(rule?.labels_json));
  }

  async #issue(
    trx: Transaction<Database>,
    deviceId: string,
    request: GoodRequest,
  ): Promise<IssuedCertificate> {
    const { ca, certificates } = this.#deps;
    const issued = await ca.issueDevice(deviceId, request);
    await certificates.recordIssued(
      {
        serial_number: issued.serialNumber,
        device_id: deviceId,
        authority_id: issued.authorityId,
        public_key_sha256: request.keySha256,
        issued_at_ms: issued.issuedAtMs,
        not_after_ms: issued.notAfterMs,
        revoked_at_ms: null,
      },
      trx,
    );
    return this.#certificateView(issued);
  }

  #certificateView({
    chainPem,
    notAfterMs,
    renewAtMs,
  }: IssuedDeviceCertificate): IssuedCertificate {
    return {
      chainPem,
      trustBundlePem: this.#deps.ca.trustBundlePem,
      notAfter: new Date(notAfterMs).toISOString(),
      renewAt: new Date(renewAtMs).toISOString(),
    };
  }

  async #answer(made: ManifestDeviceTable, certificate: IssuedCertificate): Promise<ClaimAnswer> {
    const { identities, devices, endpoints } = this.#deps;
    const { serial, model } = made;
    const device = await devices.byId(serial);
    const identity = await identities.find(serial);
    const rule = (await identities.rules()).find(({ id }) => id === identity?.rule_id);
    return {
      certificate,
      configuration: {
        deviceId: serial,
        model: device?.model ?? model,
        group: device?.group_name ?? 'default',
        labels: labelsOf(rule?.labels_json),
        ...endpoints(),
      },
    };
  }
}

function labelsOf(json: string | undefined): Record<string, string> {
  return json === undefined ? {} : (JSON.parse(json) as Record<string, string>);
}

async function goodRequest(csr: Buffer, deviceId: string): Promise<GoodRequest> {
  const reading = await readRequest(csr, deviceId);
  if (reading.kind === 'good') return reading;
  throw new ProblemError('validation_failed', {
    detail: `/body/csr: ${reading.reason}`,
    errors: [{ pointer: '/body/csr', detail: reading.reason }],
  });
}

function unproven(detail: string): ProblemError {
  return new ProblemError('unauthenticated', { detail });
}
