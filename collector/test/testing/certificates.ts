import 'reflect-metadata';
import {
  BasicConstraintsExtension,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
  type X509Certificate,
} from '@peculiar/x509';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

/** PEM texts. */
export interface Identity {
  readonly cert: string;
  readonly key: string;
}
export interface Authority {
  readonly certificate: X509Certificate;
  readonly keys: CryptoKeyPair;
}

const newKeys = () => crypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
const validity = {
  notBefore: new Date(Date.now() - 60_000),
  notAfter: new Date(Date.now() + 3_600_000),
};

export async function newAuthority(): Promise<Authority> {
  const keys = await newKeys();
  const certificate = await X509CertificateGenerator.createSelfSigned(
    {
      name: 'CN=test authority',
      keys,
      signingAlgorithm: ALGORITHM,
      extensions: [new BasicConstraintsExtension(true, 1, true)],
      ...validity,
    },
    crypto,
  );
  return { certificate, keys };
}

/** Signs a certificate for a key of its own. */
export async function issue(
  authority: Authority,
  commonName: string,
  san: { type: 'url' | 'ip'; value: string }[] = [],
): Promise<Identity> {
  const keys = await newKeys();
  const certificate = await X509CertificateGenerator.create(
    {
      subject: `CN=${commonName}`,
      issuer: authority.certificate.subject,
      publicKey: keys.publicKey,
      signingKey: authority.keys.privateKey,
      signingAlgorithm: ALGORITHM,
      extensions: san.length === 0 ? [] : [new SubjectAlternativeNameExtension(san)],
      ...validity,
    },
    crypto,
  );
  const pkcs8 = Buffer.from(await crypto.subtle.exportKey('pkcs8', keys.privateKey));
  const key = `-----BEGIN PRIVATE KEY-----\n${pkcs8.toString('base64')}\n-----END PRIVATE KEY-----\n`;
  return { cert: certificate.toString('pem'), key };
}
