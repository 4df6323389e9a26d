import type { Socket } from 'node:net';
import { TLSSocket, type PeerCertificate } from 'node:tls';
import { deviceIdSchema } from '@flotilla/contracts';

const SAN_PREFIX = 'URI:urn:flotilla:device:';

/** Reading a certificate costs 50 µs (measured), and a connection carries many requests. */
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

/**
 * The same for gRPC, whose calls know of their connection no more than `address:port`. Live
 * connections only: a port is used again.
 */
export class PeerDevices {
  readonly #peers = new Map<string, { readonly deviceId: string | null }>();

  /** To be told of every connection. */
  add(socket: TLSSocket): void {
    const peer = `${socket.remoteAddress ?? ''}:${socket.remotePort ?? ''}`;
    const entry = { deviceId: certificateDeviceId(socket) };
    this.#peers.set(peer, entry);
    socket.once('close', () => {
      if (this.#peers.get(peer) === entry) this.#peers.delete(peer);
    });
  }

  deviceOf(peer: string): string | null {
    return this.#peers.get(peer)?.deviceId ?? null;
  }
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
