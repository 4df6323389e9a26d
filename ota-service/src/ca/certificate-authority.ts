import { generateKeyPairSync, randomUUID } from 'node:crypto';
import type { X509Certificate } from '@peculiar/x509';
import type { CaView } from '@flotilla/contracts';
import { authorityStep, type AuthorityStep } from './domain/authority-plan.ts';
import { validityOf } from './domain/certificate-profile.ts';
import type { AuthorityRow, AuthorityStore, AuthorityWrites } from './authority-store.ts';
import {
  authorityCertificate,
  deviceCertificate,
  exportPkcs8,
  importPkcs8,
  newSigningKeys,
  readCertificate,
  readSpki,
  rootCertificate,
  serverCertificate,
  type RequestReading,
  type SigningAuthority,
} from './certificates.ts';
import type { KeyVault } from './key-vault.ts';

const DAY_MS = 86_400_000;

export interface CaLifetimes {
  readonly rootMs: number;
  readonly intermediateMs: number;
  readonly deviceMs: number;
  readonly serverMs: number;
  /** A new root is published for so long before it signs. */
  readonly overlapMs: number;
}

export const DEFAULT_LIFETIMES: CaLifetimes = {
  rootMs: 3650 * DAY_MS,
  intermediateMs: 730 * DAY_MS,
  deviceMs: 30 * DAY_MS,
  serverMs: 30 * DAY_MS,
  overlapMs: 600_000,
};

export interface CertificateAuthorityDeps {
  readonly store: AuthorityStore;
  readonly vault: KeyVault;
  readonly lifetimes: CaLifetimes;
  readonly clock: () => number;
}

export interface IssuedDeviceCertificate {
  readonly serialNumber: string;
  readonly authorityId: string;
  /** The certificate and its intermediate. */
  readonly chainPem: string;
  readonly issuedAtMs: number;
  readonly notAfterMs: number;
  readonly renewAtMs: number;
}

export interface ServerIdentity {
  readonly keyPem: string;
  readonly certPem: string;
  readonly renewAtMs: number;
}

interface Loaded {
  readonly row: AuthorityRow;
  readonly certificate: X509Certificate;
}

/** Bounds of one `settle`: a first start takes two steps, a root's rotation two. */
const MAX_STEPS = 8;

/**
 * Our own authority: a root that signs intermediates alone, and the intermediate that signs devices and
 * servers. Rows are the truth, so that replicas agree; opened keys stay in memory.
 */
export class CertificateAuthority {
  readonly #deps: CertificateAuthorityDeps;
  #loaded: readonly Loaded[] = [];
  readonly #keys = new Map<string, CryptoKey>();

  private constructor(deps: CertificateAuthorityDeps) {
    this.#deps = deps;
  }

  /** Makes root and intermediate at the first start. Throws KeyVaultError for a wrong passphrase. */
  static async open(deps: CertificateAuthorityDeps): Promise<CertificateAuthority> {
    const authority = new CertificateAuthority(deps);
    await authority.settle();
    await authority.#signer();
    return authority;
  }

  /** Takes the steps that are due and reads what other replicas did; true when something is new. */
  async settle(): Promise<boolean> {
    const { store, lifetimes, clock } = this.#deps;
    const before = this.#signature();
    for (let steps = 0; ; steps += 1) {
      const rows = await store.current(clock());
      const step = authorityStep(rows, lifetimes.overlapMs, clock());
      if (step === null || steps === MAX_STEPS) {
        this.#load(rows);
        return this.#signature() !== before;
      }
      await store.exclusively(async (writes, locked) => {
        const due = authorityStep(locked, lifetimes.overlapMs, clock());
        if (due !== null) await this.#take(due, writes, locked);
      }, clock());
    }
  }

  /** A successor by hand; what the old one signed holds on. */
  async rotate(kind: 'root' | 'intermediate', overlapMs = this.#deps.lifetimes.overlapMs) {
    const { store, clock } = this.#deps;
    await store.exclusively(async (writes, rows) => {
      const active = (what: string) =>
        rows.find((row) => row.kind === what && row.state === 'active');
      const root = active('root');
      if (kind === 'root') {
        if (rows.some((row) => row.state === 'pending')) return;
        const activeFromMs = clock() + overlapMs;
        await this.#take({ kind: 'new_root', activeFromMs }, writes, rows);
      } else if (root !== undefined) {
        const retire = active('intermediate')?.id ?? null;
        await this.#take({ kind: 'new_intermediate', parentId: root.id, retire }, writes, rows);
      }
    }, clock());
    await this.settle();
  }

  /** `request` was read and checked; the caller records what was issued. */
  async issueDevice(
    deviceId: string,
    request: RequestReading & { kind: 'good' },
  ): Promise<IssuedDeviceCertificate> {
    const { row, signer } = await this.#signer();
    const nowMs = this.#deps.clock();
    const validity = validityOf(nowMs, this.#deps.lifetimes.deviceMs, row.until_ms);
    const made = await deviceCertificate(deviceId, request.publicKey, signer, validity);
    return {
      serialNumber: made.serialNumber.toLowerCase(),
      authorityId: row.id,
      chainPem: `${made.toString('pem')}\n${row.certificate_pem}\n`,
      issuedAtMs: nowMs,
      notAfterMs: validity.notAfterMs,
      renewAtMs: validity.renewAtMs,
    };
  }

  /** Key and certificate for a listener of ours; the key lives in memory only. */
  async issueServer(names: readonly string[]): Promise<ServerIdentity> {
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const spki = publicKey.export({ type: 'spki', format: 'der' });
    const keyPem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    return { keyPem, ...(await this.certifyServer(names, spki)) };
  }

  /** For a listener in another process, which keeps its key to itself. */
  async certifyServer(
    names: readonly string[],
    spki: Buffer,
  ): Promise<Omit<ServerIdentity, 'keyPem'>> {
    const { row, signer } = await this.#signer();
    const nowMs = this.#deps.clock();
    const validity = validityOf(nowMs, this.#deps.lifetimes.serverMs, row.until_ms);
    const made = await serverCertificate(names, readSpki(spki), signer, validity);
    const crossPem = this.#loaded.find((one) => one.row.id === row.parent_id)?.row.cross_pem;
    return {
      // With the cross certificate for devices that were last here before the root was rotated.
      certPem: [made.toString('pem'), row.certificate_pem, crossPem ?? ''].join('\n'),
      renewAtMs: validity.renewAtMs,
    };
  }

  /** PEM of every root that holds now. */
  get trustBundlePem(): string {
    const roots = this.#loaded.filter(({ row }) => row.kind === 'root');
    return roots.map(({ row }) => `${row.certificate_pem}\n`).join('');
  }

  view(): CaView {
    return {
      authorities: this.#loaded.map(({ row, certificate }) => ({
        id: row.id,
        kind: row.kind,
        state: row.state,
        subject: certificate.subject,
        notAfter: certificate.notAfter.toISOString(),
        activeFrom: new Date(row.active_from_ms).toISOString(),
        until: new Date(row.until_ms).toISOString(),
      })),
      trustBundlePem: this.trustBundlePem,
    };
  }

  async #take(
    step: AuthorityStep,
    writes: AuthorityWrites,
    rows: readonly AuthorityRow[],
  ): Promise<void> {
    if (step.kind === 'new_root') return this.#newRoot(step.activeFromMs, writes, rows);
    if (step.kind === 'activate_root') {
      await writes.update(step.id, { state: 'active' });
      if (step.retire !== null) await this.#retire(step.retire, writes, rows);
      return;
    }
    const parent = rows.find((row) => row.id === step.parentId);
    if (parent === undefined) throw new Error(`there is no root ${step.parentId}`);
    await this.#newIntermediate(parent, writes);
    if (step.retire !== null) await this.#retire(step.retire, writes, rows);
  }

  async #newRoot(
    activeFromMs: number,
    writes: AuthorityWrites,
    rows: readonly AuthorityRow[],
  ): Promise<void> {
    const { lifetimes, clock } = this.#deps;
    const id = `root-${randomUUID()}`;
    const keys = await newSigningKeys();
    const { notBeforeMs, notAfterMs } = validityOf(clock(), lifetimes.rootMs, Infinity);
    const span = { notBeforeMs, notAfterMs };
    const certificate = await rootCertificate(id, keys, span);
    const forerunner = rows.find((row) => row.kind === 'root' && row.state === 'active');
    let crossPem: string | null = null;
    if (forerunner !== undefined) {
      const crossSpan = { notBeforeMs, notAfterMs: Math.min(notAfterMs, forerunner.until_ms) };
      const issuer = await this.#open(forerunner);
      const cross = await authorityCertificate(id, keys.publicKey, issuer, crossSpan, 1);
      crossPem = cross.toString('pem');
    }
    await writes.insert({
      ...(await this.#rowOf(id, keys, certificate, notAfterMs)),
      kind: 'root',
      parent_id: null,
      state: activeFromMs <= clock() ? 'active' : 'pending',
      cross_pem: crossPem,
      active_from_ms: activeFromMs,
    });
  }

  async #newIntermediate(parent: AuthorityRow, writes: AuthorityWrites): Promise<void> {
    const { lifetimes, clock } = this.#deps;
    const id = `intermediate-${randomUUID()}`;
    const keys = await newSigningKeys();
    const validity = validityOf(clock(), lifetimes.intermediateMs, parent.until_ms);
    const issuer = await this.#open(parent);
    const certificate = await authorityCertificate(id, keys.publicKey, issuer, validity, 0);
    await writes.insert({
      ...(await this.#rowOf(id, keys, certificate, validity.notAfterMs)),
      kind: 'intermediate',
      parent_id: parent.id,
      state: 'active',
      cross_pem: null,
      active_from_ms: clock(),
    });
  }

  async #rowOf(id: string, keys: CryptoKeyPair, certificate: X509Certificate, untilMs: number) {
    const pkcs8 = await exportPkcs8(keys.privateKey);
    this.#keys.set(id, keys.privateKey);
    return {
      id,
      certificate_pem: certificate.toString('pem'),
      sealed_key: await this.#deps.vault.seal(id, pkcs8),
      created_at_ms: this.#deps.clock(),
      until_ms: untilMs,
    };
  }

  /** What it signed last holds until its end; its key is forgotten now, for nobody needs it again. */
  async #retire(id: string, writes: AuthorityWrites, rows: readonly AuthorityRow[]) {
    const { lifetimes, clock } = this.#deps;
    const row = rows.find((one) => one.id === id);
    const longest = row?.kind === 'root' ? lifetimes.intermediateMs : lifetimes.deviceMs;
    const signedUntilMs =
      clock() + Math.min(longest, Math.max(lifetimes.deviceMs, lifetimes.serverMs));
    const until_ms = Math.min(row?.until_ms ?? signedUntilMs, signedUntilMs);
    await writes.update(id, { state: 'retiring', sealed_key: null, until_ms });
    this.#keys.delete(id);
  }

  async #signer(): Promise<{ row: AuthorityRow; signer: SigningAuthority }> {
    const found = this.#loaded.find(
      ({ row }) => row.kind === 'intermediate' && row.state === 'active',
    );
    if (found === undefined) throw new Error('no authority is there to sign');
    return { row: found.row, signer: await this.#open(found.row) };
  }

  async #open(row: AuthorityRow): Promise<SigningAuthority> {
    const certificate = readCertificate(row.certificate_pem);
    const known = this.#keys.get(row.id);
    if (known !== undefined) return { certificate, privateKey: known };
    if (row.sealed_key === null) throw new Error(`${row.id} signs no more`);
    const privateKey = await importPkcs8(await this.#deps.vault.open(row.id, row.sealed_key));
    this.#keys.set(row.id, privateKey);
    return { certificate, privateKey };
  }

  #load(rows: readonly AuthorityRow[]): void {
    this.#loaded = rows.map((row) => ({ row, certificate: readCertificate(row.certificate_pem) }));
  }

  #signature(): string {
    return this.#loaded.map(({ row }) => `${row.id} ${row.state}`).join('\n');
  }
}
