import 'reflect-metadata';
import { randomBytes } from 'node:crypto';
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  Pkcs10CertificateRequest,
  PublicKey,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
  type Extension,
} from '@peculiar/x509';
import {
  deviceUri,
  requestRefusal,
  serialNumberOf,
  type CertificateRequest,
} from './domain/certificate-profile.ts';

/** The one kind of key and signature here: ECDSA on P-256 with SHA-256 (RFC 5480, RFC 5758). */
const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

export interface SigningAuthority {
  readonly certificate: X509Certificate;
  readonly privateKey: CryptoKey;
}

export interface CertificateSpan {
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

/** Extractable, for they are sealed and stored. */
export function newSigningKeys(): Promise<CryptoKeyPair> {
  return crypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
}

export function readCertificate(pem: string): X509Certificate {
  return new X509Certificate(pem);
}

export function readSpki(spki: Buffer): PublicKey {
  return new PublicKey(new Uint8Array(spki));
}

export async function exportPkcs8(key: CryptoKey): Promise<Buffer> {
  return Buffer.from(await crypto.subtle.exportKey('pkcs8', key));
}

export function importPkcs8(pkcs8: Buffer): Promise<CryptoKey> {
  return crypto.subtle.importKey('pkcs8', new Uint8Array(pkcs8), ALGORITHM, false, ['sign']);
}

export async function rootCertificate(
  name: string,
  keys: CryptoKeyPair,
  span: CertificateSpan,
): Promise<X509Certificate> {
  return X509CertificateGenerator.createSelfSigned(
    {
      ...commonParts(span),
      name: [{ O: ['Flotilla'] }, { CN: [name] }],
      keys,
      extensions: [
        ...authorityExtensions(1),
        await SubjectKeyIdentifierExtension.create(keys.publicKey),
      ],
    },
    crypto,
  );
}

/** An intermediate (`pathLength` 0), or a later root's key under its forerunner's signature (1). */
export async function authorityCertificate(
  name: string,
  publicKey: CryptoKey | PublicKey,
  issuer: SigningAuthority,
  span: CertificateSpan,
  pathLength: 0 | 1,
): Promise<X509Certificate> {
  return sign(issuer, span, {
    subject: [{ O: ['Flotilla'] }, { CN: [name] }],
    publicKey,
    extensions: authorityExtensions(pathLength),
  });
}

/** A device shows who it is when it connects; it can do nothing else with this. */
export function deviceCertificate(
  deviceId: string,
  publicKey: PublicKey,
  issuer: SigningAuthority,
  span: CertificateSpan,
): Promise<X509Certificate> {
  return sign(issuer, span, {
    subject: [{ CN: [deviceId] }],
    publicKey,
    extensions: [
      ...leafExtensions(ExtendedKeyUsage.clientAuth),
      new SubjectAlternativeNameExtension([{ type: 'url', value: deviceUri(deviceId) }]),
    ],
  });
}

/** For our own listeners; names are DNS names or addresses. */
export function serverCertificate(
  names: readonly string[],
  publicKey: PublicKey,
  issuer: SigningAuthority,
  span: CertificateSpan,
): Promise<X509Certificate> {
  const alternatives = names.map((value) => {
    const isAddress = /^[\d.]+$/.test(value) || value.includes(':');
    return { type: isAddress ? ('ip' as const) : ('dns' as const), value };
  });
  return sign(issuer, span, {
    subject: [{ CN: [names[0] ?? 'flotilla'] }],
    publicKey,
    extensions: [
      ...leafExtensions(ExtendedKeyUsage.serverAuth),
      new SubjectAlternativeNameExtension(alternatives),
    ],
  });
}

export type RequestReading =
  | { readonly kind: 'good'; readonly publicKey: PublicKey; readonly keySha256: string }
  | { readonly kind: 'refused'; readonly reason: string };

/** Reads a PKCS #10 request and checks it against the profile and its own signature. */
export async function readRequest(csr: Buffer, deviceId: string): Promise<RequestReading> {
  let request: Pkcs10CertificateRequest;
  try {
    request = new Pkcs10CertificateRequest(new Uint8Array(csr));
  } catch {
    return { kind: 'refused', reason: 'this is no PKCS #10 request' };
  }
  const reason = requestRefusal(describe(request), deviceId);
  if (reason !== null) return { kind: 'refused', reason };
  // Whoever asks holds the key (RFC 2986, 3).
  const isOwn = await request.verify(crypto).catch(() => false);
  if (!isOwn) return { kind: 'refused', reason: 'its signature is not by its own key' };
  const { publicKey } = request;
  const digest = await crypto.subtle.digest('SHA-256', publicKey.rawData);
  return { kind: 'good', publicKey, keySha256: Buffer.from(digest).toString('hex') };
}

function describe({ subjectName, publicKey }: Pkcs10CertificateRequest): CertificateRequest {
  const names = subjectName.toJSON().flatMap((part) => Object.entries(part));
  const algorithm: Algorithm & { namedCurve?: string } = publicKey.algorithm;
  return {
    commonNames: names.filter(([type]) => type === 'CN').flatMap(([, values]) => values),
    otherNames: names.filter(([type]) => type !== 'CN').length,
    keyAlgorithm: algorithm.name,
    curve: algorithm.namedCurve ?? null,
  };
}

interface Subject {
  readonly subject: Record<string, string[]>[];
  readonly publicKey: CryptoKey | PublicKey;
  readonly extensions: readonly Extension[];
}

async function sign(
  issuer: SigningAuthority,
  span: CertificateSpan,
  { extensions, ...subject }: Subject,
): Promise<X509Certificate> {
  return X509CertificateGenerator.create(
    {
      ...commonParts(span),
      ...subject,
      issuer: issuer.certificate.subjectName.toJSON(),
      signingKey: issuer.privateKey,
      extensions: [
        ...extensions,
        await SubjectKeyIdentifierExtension.create(subject.publicKey),
        await AuthorityKeyIdentifierExtension.create(issuer.certificate.publicKey),
      ],
    },
    crypto,
  );
}

function commonParts({ notBeforeMs, notAfterMs }: CertificateSpan) {
  return {
    serialNumber: serialNumberOf(randomBytes(16)),
    notBefore: new Date(notBeforeMs),
    notAfter: new Date(notAfterMs),
    signingAlgorithm: ALGORITHM,
  };
}

function authorityExtensions(pathLength: number): Extension[] {
  return [
    new BasicConstraintsExtension(true, pathLength, true),
    new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
  ];
}

function leafExtensions(usage: ExtendedKeyUsage): Extension[] {
  return [
    new BasicConstraintsExtension(false, undefined, true),
    new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
    new ExtendedKeyUsageExtension([usage], false),
  ];
}
