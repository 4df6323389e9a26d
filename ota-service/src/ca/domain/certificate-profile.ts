/** The identity of a device in its certificate, beside the common name (RFC 5280, 4.2.1.6). */
export function deviceUri(deviceId: string): string {
  return `urn:flotilla:device:${deviceId}`;
}

/** Clocks of devices are off; a certificate that begins now would be refused by those that are behind. */
const BACKDATED_MS = 10 * 60_000;

export interface Validity {
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  readonly renewAtMs: number;
}

/** Never beyond the authority's own end; to be renewed at two thirds of its life. */
export function validityOf(nowMs: number, lifetimeMs: number, authorityEndsMs: number): Validity {
  const notAfterMs = Math.min(nowMs + lifetimeMs, authorityEndsMs);
  return {
    notBeforeMs: nowMs - BACKDATED_MS,
    notAfterMs,
    renewAtMs: renewalTimeMs(nowMs, notAfterMs),
  };
}

export function renewalTimeMs(issuedAtMs: number, notAfterMs: number): number {
  return Math.floor(issuedAtMs + ((notAfterMs - issuedAtMs) * 2) / 3);
}

/** What a request for a certificate says, once its own signature was found good. */
export interface CertificateRequest {
  readonly commonNames: readonly string[];
  readonly otherNames: number;
  readonly keyAlgorithm: string;
  readonly curve: string | null;
}

/** Null when a certificate may be made of it; only name and key are taken over, nothing else it asks for. */
export function requestRefusal(request: CertificateRequest, deviceId: string): string | null {
  const [commonName, ...more] = request.commonNames;
  if (more.length > 0 || request.otherNames > 0 || commonName !== deviceId) {
    return `the subject must be CN=${deviceId} and nothing else`;
  }
  if (request.keyAlgorithm !== 'ECDSA' || request.curve !== 'P-256') {
    return 'the key must be one of the curve P-256';
  }
  return null;
}

/** 127 random bits, positive and never short (RFC 5280, 4.1.2.2; CA/Browser BR 7.1 asks for 64). */
export function serialNumberOf(random16: Uint8Array): string {
  const bytes = Buffer.from(random16);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return bytes.toString('hex');
}
