import type { Socket } from 'node:net';
import { TLSSocket, type PeerCertificate } from 'node:tls';
import { deviceIdSchema } from '@flotilla/contracts';

const SAN_PREFIX = 'URI:urn:flotilla:device:';

/** Reading a certificate costs more than a request, and a connection carries many. */
const known = new WeakMap<Socket, string | null>();

/** The device a verified client certificate belongs to; null on a connection that has none. */
export function certificateDeviceId(socket: Socket): string | null {
  if (!(socket instanceof TLSSocket) || !socket.authorized) return null;
  let deviceId = known.get(socket);
  if (deviceId === undefined) {
    deviceId = deviceIdOf(socket.getPeerCertificate());
    known.set(socket, deviceId);
  }
  return deviceId;
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
