import { z } from 'zod';
import {
  deviceIdSchema,
  firmwareIdSchema,
  nameSchema,
  sha256Schema,
  timestampSchema,
} from './identifiers.ts';
import { labelMapSchema } from './label.ts';

const pemSchema = z.string().min(1).max(16_384);
const base64Schema = z.base64().min(1).max(4096);

/** The serial number a factory gave a device; it becomes its device id. */
export const serialSchema = deviceIdSchema;

/** A device of a manufacturing manifest: a line of JSON, or of CSV with these columns. */
export const manifestRowSchema = z.strictObject({
  serial: serialSchema,
  model: nameSchema,
  /** Public half of the claim key: SubjectPublicKeyInfo (RFC 5280, 4.1.2.7) in base64; Ed25519 or P-256. */
  claimKey: base64Schema,
  hardwareRevision: nameSchema.optional(),
});
export type ManifestRow = z.infer<typeof manifestRowSchema>;

export const MANIFEST_FORMATS = ['csv', 'jsonl'] as const;

/** Query of POST /api/v1/provisioning/manifests, whose body is the manifest. */
export const manifestUploadQuerySchema = z.strictObject({
  manufacturer: nameSchema,
  format: z.enum(MANIFEST_FORMATS),
  /** Ed25519 under `manifestStatement(sha256 of the body)`, base64url or base64. */
  signature: z.string().regex(/^[A-Za-z0-9+/_-]{86}(==)?$/, 'must be 64 bytes in base64'),
});

/** What a manufacturer signs: a digest, so that a million lines are checked as they stream by. */
export function manifestStatement(sha256Hex: string): string {
  return `flotilla-manifest-v1\n${sha256Hex}\n`;
}

export const manifestViewSchema = z.object({
  id: z.string(),
  manufacturer: nameSchema,
  sha256: sha256Schema,
  /** Lines that name a device. */
  devices: z.number().int(),
  /** Of them, how many were known already with the same key. */
  known: z.number().int(),
});
export type ManifestView = z.infer<typeof manifestViewSchema>;

/** POST /api/v1/provisioning/manufacturers */
export const manufacturerCreateSchema = z.strictObject({
  name: nameSchema,
  /** Ed25519. */
  publicKeyPem: pemSchema,
});
export const manufacturerViewSchema = manufacturerCreateSchema.extend({
  id: z.string(),
  createdAt: timestampSchema,
  revokedAt: timestampSchema.nullable(),
});
export type ManufacturerView = z.infer<typeof manufacturerViewSchema>;

/** POST /api/v1/provisioning/rules: what a new device gets; of those that fit, the highest priority. */
export const provisioningRuleSchema = z.strictObject({
  name: nameSchema,
  priority: z.number().int().min(-1000).max(1000).default(0),
  model: nameSchema.optional(),
  serialPrefix: z.string().min(1).max(64).optional(),
  group: nameSchema,
  labels: labelMapSchema.default({}),
  /** Offered to it before it becomes active; of the rule's model. */
  firstFirmwareId: firmwareIdSchema.optional(),
});
export const provisioningRuleViewSchema = provisioningRuleSchema.extend({
  id: z.string(),
  createdAt: timestampSchema,
});
export type ProvisioningRuleView = z.infer<typeof provisioningRuleViewSchema>;

/** POST /device/v1/provisioning/challenges */
export const challengeRequestSchema = z.strictObject({ serial: serialSchema });
export const challengeSchema = z.object({
  /** To be signed once, by this serial, before it expires. */
  nonce: z.string().regex(/^[A-Za-z0-9_-]{16,128}$/),
  expiresAt: timestampSchema,
});

/**
 * What a claim key signs: the server's nonce against replay, the serial, and the digest of the request
 * for a certificate, so that nobody on the way puts another key in its place.
 */
export function claimStatement(serial: string, nonce: string, csrSha256Hex: string): string {
  return `flotilla-claim-v1\n${serial}\n${nonce}\n${csrSha256Hex}\n`;
}

/** POST /device/v1/provisioning/claims */
export const claimSchema = z.strictObject({
  serial: serialSchema,
  nonce: z.string().max(128),
  /** PKCS #10 (RFC 2986), DER in base64: CN is the serial, the key is P-256. */
  csr: base64Schema,
  /** Over `claimStatement`: Ed25519, or ECDSA with SHA-256 as DER. */
  signature: base64Schema,
});
export type Claim = z.infer<typeof claimSchema>;

/** POST /device/v1/certificates, over mTLS with the certificate that is to be renewed. */
export const renewalSchema = z.strictObject({ csr: base64Schema });

export const issuedCertificateSchema = z.object({
  /** The device's certificate, then its intermediate: what it shows when it connects. */
  chainPem: z.string(),
  /** Roots to trust from now on, in place of those it had. */
  trustBundlePem: z.string(),
  notAfter: timestampSchema,
  /** Two thirds of its life. */
  renewAt: timestampSchema,
});
export type IssuedCertificate = z.infer<typeof issuedCertificateSchema>;

/** What a device is told with its first certificate. */
export const deviceConfigurationSchema = z.object({
  deviceId: deviceIdSchema,
  model: nameSchema,
  group: nameSchema,
  labels: labelMapSchema,
  otaUrl: z.url(),
  collectorUrl: z.url(),
  /** Text of the root.json to begin with. */
  tufRoot: z.string(),
});
export type DeviceConfiguration = z.infer<typeof deviceConfigurationSchema>;

export const claimAnswerSchema = z.object({
  certificate: issuedCertificateSchema,
  configuration: deviceConfigurationSchema,
});
export type ClaimAnswer = z.infer<typeof claimAnswerSchema>;

/**
 * `unknown_serial`: in no manifest. `duplicate_claim`: claimed again with another device key.
 * `clone`: one identity used from two places. `retired_claim`: claimed after its retirement.
 */
export const QUARANTINE_KINDS = [
  'unknown_serial',
  'duplicate_claim',
  'clone',
  'retired_claim',
] as const;
export type QuarantineKind = (typeof QUARANTINE_KINDS)[number];

/**
 * `dismiss`: nothing more to it. `release`: what holds the identity goes on with it. `reissue`: its
 * certificates are revoked and the next claim gets the identity, whatever key it brings.
 */
export const QUARANTINE_RESOLUTIONS = ['dismiss', 'release', 'reissue'] as const;
export type QuarantineResolution = (typeof QUARANTINE_RESOLUTIONS)[number];

/** An item of GET /api/v1/provisioning/quarantine. */
export const quarantineViewSchema = z.object({
  id: z.string(),
  kind: z.enum(QUARANTINE_KINDS),
  serial: z.string(),
  publicKeySha256: z.string().nullable(),
  remoteAddress: z.string(),
  detail: z.string(),
  attempts: z.number().int(),
  firstAt: timestampSchema,
  lastAt: timestampSchema,
  resolvedAt: timestampSchema.nullable(),
  resolution: z.enum(QUARANTINE_RESOLUTIONS).nullable(),
  resolvedReason: z.string().nullable(),
});
export type QuarantineView = z.infer<typeof quarantineViewSchema>;

/** POST /api/v1/provisioning/quarantine/{id}/resolution */
export const quarantineResolutionSchema = z.strictObject({
  resolution: z.enum(QUARANTINE_RESOLUTIONS),
  reason: z.string().trim().min(1).max(500),
});

/** A random name of an agent's run, in every request over mTLS: two runs at once are two devices. */
export const BOOT_ID_HEADER = 'flotilla-boot-id';

/** GET /internal/v1/denylist?after=SEQ: changes in their order, for who checks identities elsewhere. */
export const denylistPageSchema = z.object({
  entries: z.array(
    z.object({
      seq: z.number().int(),
      kind: z.enum(['device', 'certificate']),
      /** Device id, or a certificate's serial number in lower-case hex. */
      subject: z.string(),
      /** False: let in again. */
      listed: z.boolean(),
      /** Retired devices may still hear that they shall wipe themselves, from ota-service alone. */
      reason: z.string(),
    }),
  ),
  /** Ask again with this. */
  nextAfter: z.number().int(),
  /** There is more at once. */
  more: z.boolean(),
});
export type DenylistPage = z.infer<typeof denylistPageSchema>;

/** POST /api/v1/ca/rotations */
export const caRotationSchema = z.strictObject({
  authority: z.enum(['intermediate', 'root']),
  /** A new root signs after this; until then it is only published. Default: ten minutes. */
  overlapMs: z.number().int().min(0).optional(),
});

export const caViewSchema = z.object({
  authorities: z.array(
    z.object({
      id: z.string(),
      kind: z.enum(['root', 'intermediate']),
      state: z.enum(['pending', 'active', 'retiring']),
      subject: z.string(),
      activeFrom: timestampSchema,
      /** What it signed holds until then. */
      until: timestampSchema,
    }),
  ),
  trustBundlePem: z.string(),
});
export type CaView = z.infer<typeof caViewSchema>;

/** POST /internal/v1/server-certificates: a listener of ours that devices talk to. */
export const serverCertificateRequestSchema = z.strictObject({
  /** DNS names and addresses. */
  names: z.array(z.string().min(1).max(253)).min(1).max(20),
  /** P-256. */
  publicKeyPem: pemSchema,
});
export const issuedServerCertificateSchema = z.object({
  /** The certificate, its intermediate, and the bridge from an older root while there is one. */
  chainPem: z.string(),
  /** Roots that client certificates are checked with. */
  trustBundlePem: z.string(),
  renewAt: timestampSchema,
});
export type IssuedServerCertificate = z.infer<typeof issuedServerCertificateSchema>;
